//! What is read of files and headers: the cases of recording 15, and what else peers can write.

use super::*;

/// The key and two tokens of recording 15: of executor `ex1` in its container, and one with
/// `alg` `none`.
const KEY: &[u8] = b"not-a-secret-key";
const CLAIMS: &str = r#"{"cid":"314296df-2fd0-48c7-ba19-5ebaa72620c8","eid":"ex1","fid":"27da28fe-2f54-47bd-9322-bb3968066de5-0001"}"#;
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjaWQiOiIzMTQyOTZkZi0yZmQwLTQ4YzctYmExOS01ZWJhYTcyNjIwYzgiLCJlaWQiOiJleDEiLCJmaWQiOiIyN2RhMjhmZS0yZjU0LTQ3YmQtOTMyMi1iYjM5NjgwNjZkZTUtMDAwMSJ9.H0rQ6lvhjV27k8P6sDEhmyhzBbAmOIH-uwKNa6ozX00";

fn key() -> ExecutorKey {
    ExecutorKey::new(KEY)
}

fn authentication() -> Authentication {
    let pairs = [("framework", "fw-secret"), ("colon", "a:b")];
    Authentication::new(Credentials::new(pairs).expect("credentials"))
}

#[track_caller]
fn check_parse(text: &str, expected: &str) {
    let parsed = Credentials::parse(text).map_err(|error| error.to_string());
    assert_eq!(parsed, Err(expected.to_owned()));
}

#[test]
fn a_file_of_credentials_is_read() {
    let text = r#" {"credentials": [{"principal": "a", "secret": "x", "more": 1},
                                    {"principal": "b", "secret": ""}]} "#;
    let expected = Credentials::new([("a", "x"), ("b", "")]);
    assert_eq!(Credentials::parse(text), expected);
    assert!(!format!("{expected:?}").contains("\"x\""));
}

#[test]
fn a_file_that_is_none_says_what_it_should_be() {
    const LIKE: &str = "like `{\"credentials\": [{\"principal\": \"p\", \"secret\": \"s\"}]}`";
    check_parse(
        "framework secret",
        &format!("expected JSON {LIKE}: syntax error at line 1"),
    );
    check_parse(
        "{} framework secret",
        &format!("expected JSON {LIKE}: Parsed JSON included non-whitespace trailing characters"),
    );
    let no_list = format!("expected an object with the list `credentials`, {LIKE}");
    check_parse("[]", &no_list);
    check_parse(r#"{"credentials": {}}"#, &no_list);
    check_parse(
        r#"{"credentials": [{"principal": "a", "secret": "x"}, {"principal": "b", "secret": 1}]}"#,
        "credential 2 of the list has no text `secret`; expected \
         `{\"credentials\": [{\"principal\": \"p\", \"secret\": \"s\"}]}`",
    );
    check_parse(
        r#"{"credentials": [{"principal": "a", "secret": "x"}, {"principal": "a", "secret": "y"}]}"#,
        "principal `a` is in the list twice",
    );
    check_parse(
        r#"{"credentials": []}"#,
        "the list `credentials` is empty; it must name at least one principal",
    );
}

#[track_caller]
fn check_basic(authorization: Option<&str>, expected: Option<&str>) {
    let guard = Guard::of_master(Some(Arc::new(authentication())));
    let checked = guard.check(Realm::Scheduler, authorization.map(str::as_bytes), 0);
    let name = checked.map(|principal| principal.and_then(|it| it.name().map(str::to_owned)));
    let refusal = Unauthorized {
        challenge: "Basic realm=\"mesos-master-scheduler\"".to_owned(),
        text: "401 Unauthorized.".to_owned(),
    };
    let expected = expected.map(|name| Some(name.to_owned())).ok_or(refusal);
    assert_eq!(name, expected, "{authorization:?}");
}

/// The cases of recording 15.
#[test]
fn a_principal_and_its_secret_open_the_door() {
    check_basic(
        Some("Basic ZnJhbWV3b3JrOmZ3LXNlY3JldA=="),
        Some("framework"),
    );
    check_basic(None, None);
    check_basic(Some("Basic ZnJhbWV3b3JrOm5vcGU="), None);
    check_basic(Some("Basic bm9ib2R5OmZ3LXNlY3JldA=="), None);
    check_basic(Some("ZnJhbWV3b3JrOmZ3LXNlY3JldA=="), None);
    check_basic(Some("Bearer abc"), None);
    check_basic(Some("Basic !!!"), None);
    check_basic(Some("basic ZnJhbWV3b3JrOmZ3LXNlY3JldA=="), None);
    check_basic(Some("Basic ZnJhbWV3b3Jr"), None);
    check_basic(Some("Basic Y29sb246YTpi"), None);
    check_basic(Some("Basic"), None);
    check_basic(Some(""), None);
}

#[test]
fn without_authentication_everybody_is_let_in() {
    let guard = Guard::of_agent(None);
    assert_eq!(guard.check(Realm::ReadWrite, None, 0), Ok(None));
}

#[test]
fn without_a_key_agents_ask_operators_only_and_for_one_scheme() {
    let guard = Guard::of_agent(Some(Arc::new(authentication())));
    assert_eq!(guard.check(Realm::Executor, None, 0), Ok(None));
    let refused = guard.check(Realm::ReadOnly, None, 0);
    let expected = Unauthorized {
        challenge: "Basic realm=\"mesos-agent-readonly\"".to_owned(),
        text: "401 Unauthorized.".to_owned(),
    };
    assert_eq!(refused, Err(expected));
}

#[test]
fn a_token_is_the_one_that_mesos_makes() {
    assert_eq!(token::sign(CLAIMS, &key()), TOKEN);
}

#[track_caller]
fn check_token(authorization: &str, expected: Result<&str, &str>) {
    let authentication = Authentication {
        executor_key: Some(key()),
        ..authentication()
    };
    let guard = Guard::of_agent(Some(Arc::new(authentication)));
    let checked = guard.check(Realm::Executor, Some(authorization.as_bytes()), 2000);
    let shown = checked.map(|principal| principal.expect("somebody").to_string());
    let expected = expected.map(str::to_owned).map_err(|fault| Unauthorized {
        challenge: format!(
            "Basic realm=\"mesos-agent-executor\",Bearer realm=\"mesos-agent-executor\", \
             error=\"invalid_token\", error_description=\"{fault}\""
        ),
        text: "\"Basic\" authenticator returned:\n401 Unauthorized.\n\n\
               \"Bearer\" authenticator returned:\n401 Unauthorized."
            .to_owned(),
    });
    assert_eq!(shown, expected, "{authorization}");
}

#[test]
fn a_token_is_taken_only_as_it_was_made() {
    let shown = r#"{"claims":{"fid":"27da28fe-2f54-47bd-9322-bb3968066de5-0001","eid":"ex1","cid":"314296df-2fd0-48c7-ba19-5ebaa72620c8"}}"#;
    check_token(&format!("Bearer {TOKEN}"), Ok(shown));
    check_token("Basic ZnJhbWV3b3JrOmZ3LXNlY3JldA==", Ok("framework"));
    check_token(
        "Bearer abc",
        Err("Invalid JWT: Expected 3 components in token, got 1"),
    );
    let bearer = format!("bearer {TOKEN}");
    check_token(&bearer, Err("Scheme 'bearer' unsupported"));
    check_token("Bearer", Err("Malformed 'Authorization' header"));
    let changed = format!("Bearer {}", TOKEN.replace("X00", "X0A"));
    check_token(&changed, Err("Invalid JWT: Token signature does not match"));
    // {"alg":"none","typ":"JWT"}, without a signature.
    let unsigned = format!(
        "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
        TOKEN.split('.').nth(1).expect("a payload")
    );
    check_token(
        &unsigned,
        Err("Invalid JWT: Token 'alg' value \"none\" does not match, expected \"HS256\""),
    );
    let signed = |payload: &str| format!("Bearer {}", token::sign(payload, &key()));
    check_token(
        &signed(r#"{"exp":1000}"#),
        Err("Invalid JWT: Token has expired: exp(1000) < now(2000)"),
    );
    check_token(&signed(r#"{"exp":2000}"#), Ok(r#"{"claims":{}}"#));
    check_token(
        &signed("[]"),
        Err("Invalid JWT: Failed to read its payload"),
    );
    check_token(
        &signed(r#"{"exp":"x"}"#),
        Err("Invalid JWT: Failed to read its expiry"),
    );
}

/// What a peer writes comes back in a header, which holds no control characters.
#[test]
fn a_refusal_shows_nothing_that_a_header_cannot_hold() {
    check_token("B\u{e9}\tx y", Err("Scheme 'B??x' unsupported"));
    let long = "x".repeat(1000);
    let shown = format!("Scheme '{}' unsupported", "x".repeat(100));
    check_token(&format!("{long} y"), Err(&shown));
}

#[test]
fn a_token_is_for_one_executor_in_one_container() {
    let claims = [("fid", "f"), ("eid", "e"), ("cid", "c")];
    let check = |names: &[&str], ids: [&str; 3]| {
        let claims = claims.iter().filter(|(name, _)| names.contains(name));
        let claims = claims.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let principal = Principal::with_claims(claims.collect());
        let [framework, executor, container] = ids;
        principal.check_executor(&framework.into(), &executor.into(), &container.into())
    };
    let all = ["fid", "eid", "cid"];
    let who = r#"Authenticated principal '{"claims":{"fid":"f","eid":"e","cid":"c"}}'"#;
    assert_eq!(check(&all, ["f", "e", "c"]), Ok(()));
    assert_eq!(
        check(&all, ["g", "x", "x"]),
        Err(format!(
            "{who} does not contain an 'fid' claim with the framework ID g, which is set in the \
             call"
        ))
    );
    assert_eq!(
        check(&all, ["f", "x", "x"]),
        Err(format!(
            "{who} does not contain an 'eid' claim with the executor ID x, which is set in the call"
        ))
    );
    assert_eq!(
        check(&["fid", "eid"], ["f", "e", "c"]),
        Err(
            "Authenticated principal '{\"claims\":{\"fid\":\"f\",\"eid\":\"e\"}}' does not contain \
             a 'cid' claim with the correct active ContainerID"
                .to_owned()
        )
    );
}
