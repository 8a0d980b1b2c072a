//! Clusters that cannot be reached or do not take us: all that is said, the exit code, and that
//! nothing is left behind.

use std::net::TcpListener;

use expect_test::{Expect, expect};
use serde_json::Value;
use testkit::pki::{Authority, Clients};

use crate::fake_master::{FakeMaster, answer, error, refusal, stream, subscribed};
use crate::support::{Ended, Scene};

/// Runs a job with `cluster` as that part of its file.
fn run(scene: &Scene, cluster: &str) -> Ended {
    // On a busy machine the handshake of a program that is not optimized takes a second by itself.
    let timeout = if cluster.contains("https://") { 5 } else { 1 };
    let job = scene.job(&format!(
        "job: lost
cluster: {{ timeout: {timeout}s, {cluster} }}
gang: {{ timeout: 3s }}
scheduler: {{ module: guests/director, args: [return] }}
tasks:
  echo: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }}
"
    ));
    scene.run(&["run", &job.display().to_string(), "--output", "json"])
}

/// The exit code, and what a user is told of the end.
fn told(ended: &Ended) -> String {
    let mut told = format!("exit {}", ended.code.expect("no signal has ended it"));
    for event in ended.events() {
        let text = |key: &str| event[key].as_str().map(str::to_owned);
        let causes = event["causes"].as_array().into_iter().flatten();
        let lines = match event["event"].as_str() {
            Some("error") => [text("message")].into_iter().flatten().collect::<Vec<_>>(),
            Some("outcome") => [text("outcome"), text("reason")]
                .into_iter()
                .flatten()
                .collect(),
            _ => continue,
        };
        let causes = causes.filter_map(Value::as_str).map(str::to_owned);
        for line in lines.into_iter().chain(causes) {
            told += &format!("\n{line}");
        }
        if let Some(help) = text("help") {
            told += &format!("\nhelp: {help}");
        }
    }
    told + "\n"
}

/// A run with `cluster` in the job file tells this, where `hidden` is of this run alone.
#[track_caller]
fn check(scene: &Scene, cluster: &str, hidden: &[&str], expected: &Expect) {
    let ended = run(scene, cluster);
    let mut text = told(&ended);
    for hidden in hidden {
        text = text.replace(hidden, "ADDRESS");
    }
    expected.assert_eq(&text);
}

/// A master that gives these answers is told so.
#[track_caller]
fn check_answers(answers: Vec<Vec<u8>>, expected: &Expect) {
    let master = FakeMaster::start(answers);
    let address = master.address.to_string();
    check(
        &Scene::new(),
        &format!("master: '{address}'"),
        &[&address],
        expected,
    );
}

/// An address where nobody answers.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    address.to_string()
}

#[test]
fn an_address_where_nobody_is() {
    let address = nobody();
    check(
        &Scene::new(),
        &format!("master: '{address}'"),
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: cannot reach `http://ADDRESS/api/v1/scheduler`: Connection refused (os error 111)
            help: does a master run there? the address comes from `--master`, `MESOS_MASTER` or `cluster.master`; one behind TLS begins with `https://`
        "#]],
    );
}

#[test]
fn a_name_that_nobody_has() {
    // Too long for any name server to be asked.
    let name = "x".repeat(64);
    check(
        &Scene::new(),
        &format!("master: '{name}'"),
        &[&name],
        &expect![[r#"
            exit 3
            failed to find a way to `ADDRESS:5050`, and with it one back for agents
            failed to lookup address information: Name or service not known
            help: is the name right? it comes from `--master`, `MESOS_MASTER` or `cluster.master`
            not_run
        "#]],
    );
}

#[test]
fn a_page_in_place_of_a_stream() {
    let page = b"<html><head><title>Welcome</title></head></html>";
    check_answers(
        vec![answer("200 OK", "text/html", page)],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not answer as Mesos does: the type of what it sends is `text/html`, not `application/x-protobuf`
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![answer("404 Not Found", "text/html", page)],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not serve now, status 404: a web page titled `Welcome`
            help: is that the address of a Mesos master? its port is 5050 unless it was told another
        "#]],
    );
    check_answers(
        vec![answer("405 Method Not Allowed", "text/html", page)],
        &expect![[r#"
            exit 3
            refused
            master `ADDRESS`: the SUBSCRIBE call was refused with status 405: a web page titled `Welcome`
            help: is that the address of a Mesos master of version 1.0 or later?
        "#]],
    );
}

#[test]
fn a_stream_that_makes_no_sense() {
    check_answers(
        vec![stream(b"99999999999\n")],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: the stream is malformed: record is larger than 134217728 bytes
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![stream(b"4\n\xff\xff\xff\xff")],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: the stream is malformed: failed to decode Protobuf message: invalid varint
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![stream(b"<html>")],
        &expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: the stream is malformed: record length has the byte 0x3c where a digit was expected
        help: is that the address of a Mesos master? its port is 5050 unless it was told another
    "#]],
    );
    check_answers(
        vec![stream(b"100\nabc")],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: the stream broke off: it ended within a record
            help: does something between here and the master cut connections, or hold them up?
        "#]],
    );
}

#[test]
fn a_stream_that_makes_no_sense_after_a_while() {
    let broken = [subscribed(), b"99999999999\n".to_vec()].concat();
    check_answers(
        vec![stream(&broken)],
        &expect![[r#"
            exit 4
            never_placed
            no agent offers anything; the connection to the master was lost meanwhile: the stream is malformed: record is larger than 134217728 bytes
            help: the log of the master, or of a proxy on the way to it, may say more
        "#]],
    );
}

#[test]
fn credentials_that_are_missing_or_wrong() {
    let unauthorized = || refusal("401 Unauthorized", "401 Unauthorized.");
    check_answers(
        vec![unauthorized()],
        &expect![[r#"
            exit 3
            refused
            master `ADDRESS`: the master does not let us in, status 401: 401 Unauthorized.
            help: say who you are: `--principal` and `--secret-file`, or `cluster.principal` and `cluster.secret_file`; or `--token-file` or `cluster.token_file`
        "#]],
    );
    let scene = Scene::new();
    scene.file("secret", "sesame\n");
    let master = FakeMaster::start(vec![unauthorized()]);
    let address = master.address.to_string();
    check(
        &scene,
        &format!("master: '{address}', principal: me, secret_file: secret"),
        &[&address],
        &expect![[r#"
            exit 3
            refused
            master `ADDRESS`: the master does not let us in, status 401: 401 Unauthorized.
            help: the principal or its secret is not one that the master's operator knows; Mesos does not take a `:` in either
        "#]],
    );
    check_answers(
        vec![refusal("403 Forbidden", "Not authorized")],
        &expect![[r#"
            exit 3
            refused
            master `ADDRESS`: the master does not let us in, status 403: Not authorized
            help: the principal is known but may not do this; the master's operator can allow it
        "#]],
    );
}

#[test]
fn a_principal_that_is_not_the_one_of_the_secret() {
    let text = "Failed to validate scheduler::Call: Authenticated principal 'me' does not match \
                principal 'you' set in `FrameworkInfo`";
    check_answers(
        vec![refusal("400 Bad Request", text)],
        &expect![[r#"
            exit 3
            refused
            master `ADDRESS`: the SUBSCRIBE call was refused with status 400: Failed to validate scheduler::Call: Authenticated principal 'me' does not match principal 'you' set in `FrameworkInfo`
            help: `cluster.principal`, `cluster.role` and `cluster.user` are what the master is told; the principal must be that of the secret
        "#]],
    );
}

#[test]
fn a_role_that_is_not_allowed() {
    let text = "Roles {x} are not present in the master's --roles";
    check_answers(
        vec![stream(&error(text))],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: the master refuses the framework: Roles {x} are not present in the master's --roles
        help: `cluster.role`, `cluster.principal` and `cluster.user` are what the master is told; its operator knows which it takes
    "#]],
    );
    let text = "Not authorized to use role 'x'";
    check_answers(
        vec![stream(&error(text))],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: the master refuses the framework: Not authorized to use role 'x'
        help: `cluster.role`, `cluster.principal` and `cluster.user` are what the master is told; its operator knows which it takes
    "#]],
    );
}

#[test]
fn a_framework_that_was_removed() {
    let removed = || stream(&error("Framework has been removed"));
    check_answers(
        vec![removed()],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: the framework has been removed
        help: somebody tore it down, or the master did not hear of it for longer than `cluster.failover_timeout`; run the job again
    "#]],
    );
    // In its midst.
    check_answers(
        vec![stream(&subscribed()), removed()],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: the framework has been removed
        help: somebody tore it down, or the master did not hear of it for longer than `cluster.failover_timeout`; run the job again
    "#]],
    );
    let failed_over = [subscribed(), error("Framework failed over")].concat();
    check_answers(
        vec![stream(&failed_over)],
        &expect![[r#"
        exit 3
        refused
        master `ADDRESS`: another scheduler has taken over this framework
        help: only one scheduler can speak for a framework; end the other
    "#]],
    );
}

#[test]
fn masters_without_a_leader() {
    check_answers(
        vec![refusal("503 Service Unavailable", "No leader elected")],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not serve now, status 503: No leader elected
            help: the masters have no leader, or it is about to begin; if that does not pass, their logs say why
        "#]],
    );
}

#[test]
fn a_leader_that_cannot_be_reached_is_told_with_who_names_it() {
    let leader = nobody();
    let head = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: //{leader}/api/v1/scheduler\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let master = FakeMaster::start(vec![head.into_bytes()]);
    let ended = run(&Scene::new(), &format!("master: '{}'", master.address));
    let text = told(&ended).replace(&leader, "LEADER");
    let text = text.replace(&master.address.to_string(), "ADDRESS");
    expect![[r#"
        exit 3
        unreachable
        master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` says that another master leads: cannot reach `http://LEADER/api/v1/scheduler`: Connection refused (os error 111)
        help: the leader must be reachable from here under the name that it gives itself, which its operator sets by `--hostname` or `--advertise_ip`
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_zookeeper_that_is_not_there() {
    let address = nobody();
    let cluster = format!("master: 'zk://user:sesame@{address}/mesos'");
    check(
        &Scene::new(),
        &cluster,
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `zk://ADDRESS/mesos`: no master has taken the subscription: no leading master is known from `zk://ADDRESS/mesos`: `ADDRESS`: Connection refused (os error 111)
            help: does ZooKeeper run there, and are servers and path of `zk://` those which the masters were given by `--zk`?
        "#]],
    );
}

#[test]
fn a_wrong_scheme() {
    let plain = FakeMaster::start(vec![refusal("400 Bad Request", "")]);
    let address = plain.address.to_string();
    let cluster = format!("master: 'https://{address}'");
    check(
        &Scene::new(),
        &cluster,
        &[&address],
        &expect![[r#"
        exit 3
        unreachable
        master `https://ADDRESS`: no master has taken the subscription: `https://ADDRESS/api/v1/scheduler` does not speak TLS: received corrupt message of type InvalidContentType
        help: write the address with `http://` in place of `https://`
    "#]],
    );

    let authority = Authority::default();
    let secure = FakeMaster::start_tls(
        authority.server(Clients::Anybody),
        vec![stream(&error("nobody gets so far"))],
    );
    let address = secure.address.to_string();
    check(
        &Scene::new(),
        &format!("master: '{address}'"),
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `ADDRESS`: no master has taken the subscription: `http://ADDRESS/api/v1/scheduler` does not answer in HTTP: invalid HTTP version parsed
            help: if the master is behind TLS, write its address with `https://`; for one found by `zk://` name the authority of its certificate by `--ca-file` or `cluster.ca_file`
        "#]],
    );
}

/// A scene with the files of an authority, and of somebody it vouches for.
fn scene_with(authority: &Authority) -> Scene {
    let scene = Scene::new();
    let identity = authority.identity("framework");
    scene.file("ca.pem", &authority.pem());
    scene.file("cert.pem", &identity.certificate_pem());
    scene.file("key.pem", &identity.key_pem());
    scene
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let authority = Authority::default();
    let master = FakeMaster::start_tls(
        authority.server(Clients::Anybody),
        vec![stream(&error("nobody gets so far"))],
    );
    let port = master.address.port();
    let address = format!("localhost:{port}");
    let master = format!("master: 'https://{address}'");
    // By an authority that is not the named one, and for another name.
    check(
        &scene_with(&Authority::default()),
        &format!("{master}, ca_file: ca.pem"),
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `https://ADDRESS`: no master has taken the subscription: the certificate of `https://ADDRESS/api/v1/scheduler` is not trusted: invalid peer certificate: BadSignature
            help: name the authority of the master's certificate by `--ca-file` or `cluster.ca_file`, and the master as its certificate does
        "#]],
    );
    let address = format!("127.0.0.1:{port}");
    let master = format!("master: 'https://{address}'");
    check(
        &scene_with(&authority),
        &format!("{master}, ca_file: ca.pem"),
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `https://ADDRESS`: no master has taken the subscription: the certificate of `https://ADDRESS/api/v1/scheduler` is not trusted: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("localhost")
            help: name the authority of the master's certificate by `--ca-file` or `cluster.ca_file`, and the master as its certificate does
        "#]],
    );
}

#[test]
fn a_master_that_wants_a_certificate() {
    let authority = Authority::default();
    let master = FakeMaster::start_tls(
        authority.server(Clients::Known),
        vec![stream(&error("we are known"))],
    );
    let address = format!("localhost:{}", master.address.port());
    let cluster = format!("master: 'https://{address}', ca_file: ca.pem");
    let scene = scene_with(&authority);
    check(
        &scene,
        &cluster,
        &[&address],
        &expect![[r#"
            exit 3
            unreachable
            master `https://ADDRESS`: no master has taken the subscription: `https://ADDRESS/api/v1/scheduler` does not take our certificate: received fatal alert: CertificateRequired
            help: name a certificate that the master trusts by `--certificate-file` and `--key-file`, or by `cluster.certificate_file` and `cluster.key_file`
        "#]],
    );
    // Of nobody that it knows.
    let other = scene_with(&Authority::default());
    other.file("ca.pem", &authority.pem());
    let known = format!("{cluster}, certificate_file: cert.pem, key_file: key.pem");
    check(
        &other,
        &known,
        &[&address],
        &expect![[r#"
        exit 3
        unreachable
        master `https://ADDRESS`: no master has taken the subscription: `https://ADDRESS/api/v1/scheduler` does not take our certificate: received fatal alert: DecryptError
        help: name a certificate that the master trusts by `--certificate-file` and `--key-file`, or by `cluster.certificate_file` and `cluster.key_file`
    "#]],
    );
    // The right one: the master reads what we ask.
    check(
        &scene,
        &known,
        &[&address],
        &expect![[r#"
        exit 3
        refused
        master `https://ADDRESS`: the master refuses the framework: we are known
        help: `cluster.role`, `cluster.principal` and `cluster.user` are what the master is told; its operator knows which it takes
    "#]],
    );
    assert!(master.head().starts_with("post /api/v1/scheduler "));
}

#[test]
fn files_that_are_of_no_use() {
    let scene = scene_with(&Authority::default());
    scene.file("secret", "sesame\n");
    scene.file("empty", "\n");
    scene.file(
        "bad.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    scene.file("no.pem", "sesame\n");
    let folder = scene.tmp().with_file_name("").display().to_string();
    let check = |access: &str, expected: &Expect| {
        check(
            &scene,
            &format!("master: 'https://127.0.0.1:1', {access}"),
            &[&folder],
            expected,
        );
    };
    check(
        "principal: me, secret_file: none",
        &expect![[r#"
        exit 2
        failed to read the file of the secret `ADDRESSnone`
        No such file or directory (os error 2)
        help: paths of flags are relative to the current folder, those of the job file to its folder
        not_run
    "#]],
    );
    check(
        "principal: me, secret_file: empty",
        &expect![[r#"
        exit 2
        the file of the secret `ADDRESSempty` is empty
        help: fill it in, or do not name it
        not_run
    "#]],
    );
    check(
        "secret_file: secret",
        &expect![[r#"
        exit 2
        there is a secret but no principal
        help: name it by `--principal` or `cluster.principal`
        not_run
    "#]],
    );
    check(
        "principal: me, secret_file: secret, token_file: secret",
        &expect![[r#"
            exit 2
            there are both a secret and a token for masters
            help: leave out one of them
            not_run
        "#]],
    );
    check(
        "ca_file: no.pem",
        &expect![[r#"
        exit 2
        the file of authorities `ADDRESSno.pem` has no `-----BEGIN` of PEM
        help: it must hold text that begins with `-----BEGIN`
        not_run
    "#]],
    );
    check(
        "ca_file: bad.pem",
        &expect![[r#"
            exit 2
            cannot connect to a master
            cannot use the TLS configuration: invalid peer certificate: BadEncoding
            help: look at the files that `cluster.ca_file`, `cluster.certificate_file` and `cluster.key_file` name, or the flags of these names
            not_run
        "#]],
    );
    check(
        "ca_file: key.pem",
        &expect![[r#"
            exit 2
            cannot connect to a master
            cannot use the TLS configuration: there is no certificate in the PEM of an authority
            help: look at the files that `cluster.ca_file`, `cluster.certificate_file` and `cluster.key_file` name, or the flags of these names
            not_run
        "#]],
    );
    check(
        "key_file: key.pem",
        &expect![[r#"
        exit 2
        there is a key but no certificate
        help: name it by `--certificate-file` or `cluster.certificate_file`
        not_run
    "#]],
    );
    check(
        "certificate_file: cert.pem",
        &expect![[r#"
            exit 2
            cannot connect to a master
            cannot use the TLS configuration: our certificate or its key: unexpected error: private key or certificate not found
            help: look at the files that `cluster.ca_file`, `cluster.certificate_file` and `cluster.key_file` name, or the flags of these names
            not_run
        "#]],
    );
    check(
        "certificate_file: cert.pem, key_file: cert.pem",
        &expect![[r#"
            exit 2
            cannot connect to a master
            cannot use the TLS configuration: our certificate or its key: unexpected error: private key or certificate not found
            help: look at the files that `cluster.ca_file`, `cluster.certificate_file` and `cluster.key_file` name, or the flags of these names
            not_run
        "#]],
    );
}

/// What a master is shown by a job with these lines, and by this environment.
#[track_caller]
fn shown(access: &str, variables: &[(&str, &str)]) -> String {
    let master = FakeMaster::start(vec![refusal("401 Unauthorized", "no")]);
    let scene = Scene::new();
    scene.file("secret", "sesame\n");
    let job = scene.job(&format!(
        "job: lost
cluster: {{ timeout: 1s, master: '{}', {access} }}
scheduler: {{ module: guests/director, args: [return] }}
tasks:
  echo: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB }}
",
        master.address
    ));
    let job = job.display().to_string();
    let ended = scene.start_with(variables, &["run", &job]).wait();
    scene.assert_clean();
    ended.assert_code(3);
    // Whatever is told, it is not that.
    assert!(!(ended.stdout + &ended.stderr).contains("sesame"));
    let head = master.head();
    let line = head
        .lines()
        .find(|line| line.starts_with("authorization: "));
    line.map(str::to_owned).unwrap_or_default()
}

#[test]
fn secrets_and_tokens_of_files_and_of_the_environment_are_shown_to_the_master() {
    // `me:sesame`, in lower case as a whole.
    let basic = "authorization: basic bwu6c2vzyw1l";
    assert_eq!(shown("principal: me, secret_file: secret", &[]), basic);
    assert_eq!(
        shown("principal: me", &[("MESOSGOT_SECRET", "sesame")]),
        basic
    );
    let bearer = "authorization: bearer sesame";
    assert_eq!(shown("token_file: secret", &[]), bearer);
    assert_eq!(
        shown("principal: me", &[("MESOSGOT_TOKEN", "sesame")]),
        bearer
    );
    assert_eq!(shown("principal: me", &[]), "");
}
