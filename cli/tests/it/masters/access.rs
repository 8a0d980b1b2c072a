//! Masters that want to know who we are, and certificates.

use expect_test::{Expect, expect};

use super::*;

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
cluster: {{ timeout: 30s, master: '{}', {access} }}
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
