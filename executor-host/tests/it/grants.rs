//! What tasks may use when they are allowed to, and when they are not.

use std::{fs, net::IpAddr, os::unix::fs::symlink, path::Path};

use executor_host::{Allow, Destination, Folder, Sandbox, Transport};
use expect_test::{Expect, expect};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::hosted::{config, refused, start_in};

/// Runs the task with these arguments and grants, and compares all it says.
async fn check(args: &[&str], allow: Allow, sandbox: &Path, expected: Expect) {
    let mut config = config(args);
    config.allow = allow;
    let task = start_in(config, sandbox).await;
    let mut told = String::new();
    while let Some(message) = task.recv().await {
        told += &message;
        told += "\n";
    }
    expected.assert_eq(&told);
}

fn files(is_writable: bool) -> Allow {
    Allow {
        sandbox: Some(Sandbox { is_writable }),
        ..Allow::default()
    }
}

/// A sandbox with a secret in it, and a task's folder with a file and a link that leads out.
fn sandbox() -> tempfile::TempDir {
    let sandbox = tempfile::tempdir().unwrap();
    let own = sandbox.path().join("tasks/task-0");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("there"), "what was there").unwrap();
    fs::write(sandbox.path().join("tasks/secret"), "not yours").unwrap();
    symlink("../secret", own.join("link")).unwrap();
    sandbox
}

#[tokio::test]
async fn a_folder_to_write_is_the_tasks_own_and_nothing_beyond() {
    let sandbox = sandbox();
    check(
        &["files"],
        files(true),
        sandbox.path(),
        expect![[r#"
        write: done
        read: mine
        there: what was there
        above: PermissionDenied
        linked: PermissionDenied
        make a link: done
        remove: done
    "#]],
    )
    .await;
    let note = fs::read_to_string(sandbox.path().join("tasks/task-0/note"));
    assert_eq!(note.unwrap(), "mine");
    assert!(sandbox.path().join("tasks/secret").exists());
}

#[tokio::test]
async fn a_folder_to_read_stays_as_it_is() {
    let sandbox = sandbox();
    check(
        &["files"],
        files(false),
        sandbox.path(),
        expect![[r#"
        write: PermissionDenied
        read: NotFound
        there: what was there
        above: PermissionDenied
        linked: PermissionDenied
        make a link: PermissionDenied
        remove: PermissionDenied
    "#]],
    )
    .await;
    let names = fs::read_dir(sandbox.path().join("tasks/task-0")).unwrap();
    assert_eq!(names.count(), 2);
}

#[tokio::test]
async fn without_a_grant_there_are_no_files() {
    let sandbox = sandbox();
    check(
        &["files"],
        Allow::default(),
        sandbox.path(),
        expect![[r#"
        write: NotFound
        read: NotFound
        there: NotFound
        above: NotFound
        linked: NotFound
        make a link: NotFound
        remove: NotFound
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_folder_of_the_agent_is_what_its_operator_gives_and_nothing_beyond() {
    for is_writable in [true, false] {
        let sandbox = tempfile::tempdir().unwrap();
        let agent = tempfile::tempdir().unwrap();
        let path = agent.path().join("models");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("there"), "what was there").unwrap();
        fs::write(agent.path().join("secret"), "not yours").unwrap();
        symlink("../secret", path.join("link")).unwrap();
        symlink(agent.path().join("secret"), path.join("absolute")).unwrap();
        symlink("there", path.join("inside")).unwrap();
        let folder = Folder {
            name: "models".to_owned(),
            path: path.clone(),
            is_writable,
        };
        let allow = Allow {
            folders: vec![folder],
            ..files(true)
        };
        let expected = match is_writable {
            true => expect![[r#"
                there: what was there
                inside: what was there
                ../secret: PermissionDenied
                x/../../secret: NotFound
                link: PermissionDenied
                absolute: PermissionDenied
                write: done
                write out: PermissionDenied
                over a link: PermissionDenied
                make a folder: done
                rename: PermissionDenied
                remove: done
                own: done
            "#]],
            false => expect![[r#"
                there: what was there
                inside: what was there
                ../secret: PermissionDenied
                x/../../secret: NotFound
                link: PermissionDenied
                absolute: PermissionDenied
                write: PermissionDenied
                write out: PermissionDenied
                over a link: PermissionDenied
                make a folder: PermissionDenied
                rename: PermissionDenied
                remove: PermissionDenied
                own: done
            "#]],
        };
        check(&["folder", "/models"], allow, sandbox.path(), expected).await;
        assert_eq!(path.join("note").exists(), is_writable);
        assert!(!agent.path().join("note").exists());
        assert!(agent.path().join("secret").exists());
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_ends_the_task_with_its_name() {
    let folder = Folder {
        name: "models".to_owned(),
        path: "/nowhere/models".into(),
        is_writable: false,
    };
    let mut config = config(&["echo"]);
    config.allow.folders.push(folder);
    let refused = refused(config).await;
    expect![[r#"Refused("the folder `models`, which is `/nowhere/models` on the agent, cannot be opened: No such file or directory (os error 2)")"#]].assert_eq(&format!("{refused:?}"));
}

/// A server that greets whoever connects, and the grant for its port.
async fn greeter() -> (String, Destination) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"welcome").await;
        }
    });
    let network = Some((IpAddr::from([127, 0, 0, 0]), 8));
    let ports = address.port()..=address.port();
    let transport = Transport::Tcp;
    let destination = Destination {
        transport,
        network,
        ports,
    };
    (address.to_string(), destination)
}

#[tokio::test]
async fn a_task_connects_where_it_may_and_nowhere_else() {
    let (address, destination) = greeter().await;
    let (other, _) = greeter().await;
    let allow = Allow {
        connect: vec![destination],
        ..Allow::default()
    };
    let here = Path::new(".");
    let welcome = expect![[r#"
        welcome
    "#]];
    check(&["connect", &address], allow.clone(), here, welcome).await;
    check(
        &["connect", &other],
        allow,
        here,
        expect![[r#"
        PermissionDenied
    "#]],
    )
    .await;
    check(
        &["connect", &address],
        Allow::default(),
        here,
        expect![[r#"
        PermissionDenied
    "#]],
    )
    .await;
}

#[tokio::test]
async fn names_are_looked_up_where_that_is_allowed() {
    let allow = Allow {
        dns: true,
        ..Allow::default()
    };
    let here = Path::new(".");
    check(
        &["look-up", "localhost"],
        allow,
        here,
        expect![[r#"
        found
    "#]],
    )
    .await;
    check(
        &["look-up", "localhost"],
        Allow::default(),
        here,
        expect![[r#"
            refused
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_task_listens_on_its_own_ports_and_on_no_others() {
    // Bound and not listening, so that nobody else gets the port.
    let place = || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    };
    let (own, other) = (place(), place());
    let address = own.local_addr().unwrap();
    let allow = Allow {
        listen: vec![address.port()],
        ..Allow::default()
    };
    let mut config = config(&["listen", &address.to_string()]);
    config.allow = allow.clone();
    let task = start_in(config, Path::new(".")).await;
    assert_eq!(task.recv().await.as_deref(), Some("listening"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"good day").await.unwrap();
    drop(stream);
    assert_eq!(task.recv().await.as_deref(), Some("good day"));

    let other = other.local_addr().unwrap().to_string();
    let refused = expect![[r#"
        PermissionDenied
    "#]];
    check(&["listen", &other], allow, Path::new("."), refused).await;
}
