//! The tokens of executors, which hold ids: those of the recording are made anew with the ids of
//! here, by the key that both clusters have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::mapping::Mapping;

/// The content of the key file of the recorded agent.
pub const KEY: &[u8] = b"not-a-secret-key";

/// The name of the variable that holds a token.
pub const VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// The value of an `Authorization` header as it has to be sent here. What was signed well is signed
/// well again; a signature that was wrong stays what it was. Nothing, if there is no token in it.
pub fn here(authorization: &str, mapping: &mut Mapping) -> Option<String> {
    let (scheme, token) = authorization.split_once(' ')?;
    let [header, payload, signature] = components(token)?;
    let claims = decode(payload)?;
    let was_right = sign(&format!("{header}.{payload}")) == signature;
    let content = format!("{header}.{}", URL_SAFE_NO_PAD.encode(mapping.here(&claims)));
    let signature = if was_right {
        sign(&content)
    } else {
        signature.to_owned()
    };
    Some(format!("{scheme} {content}.{signature}"))
}

/// Whether a token of the recording and one of here mean the same, and are signed well.
pub fn unify(recorded: &str, here: &str, mapping: &mut Mapping) -> bool {
    let (Some([header, payload, _]), Some([other, claims, signature])) =
        (components(recorded), components(here))
    else {
        return false;
    };
    let (Some(payload), Some(own)) = (decode(payload), decode(claims)) else {
        return false;
    };
    header == other
        && mapping.unify(&payload, &own)
        && sign(&format!("{other}.{claims}")) == signature
}

fn components(token: &str) -> Option<[&str; 3]> {
    let components: Vec<_> = token.split('.').collect();
    components.try_into().ok()
}

fn decode(component: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(component).ok()?;
    String::from_utf8(bytes).ok()
}

fn sign(content: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, content.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "27da28fe-2f54-47bd-9322-bb3968066de5";
    const OTHER: &str = "11111111-2f54-47bd-9322-bb3968066de5";

    fn token(claims: &str) -> String {
        let content = format!("aGVhZGVy.{}", URL_SAFE_NO_PAD.encode(claims));
        format!("{content}.{}", sign(&content))
    }

    #[test]
    fn a_token_is_made_again_with_our_ids_and_a_bad_one_stays_bad() {
        let mut mapping = Mapping::default();
        assert!(mapping.unify(ID, OTHER));
        let recorded = format!("Bearer {}", token(ID));
        assert_eq!(
            here(&recorded, &mut mapping),
            Some(format!("Bearer {}", token(OTHER)))
        );
        let bad = here(&format!("{recorded}x"), &mut mapping).expect("a token");
        let (_, signature) = recorded.rsplit_once('.').expect("a signature");
        assert!(bad.ends_with(&format!(".{signature}x")), "{bad}");
        assert_eq!(here("Basic YTpi", &mut mapping), None);
        assert_eq!(here("nothing", &mut mapping), None);
    }

    #[test]
    fn a_token_of_here_must_say_the_same_and_be_signed() {
        let mut mapping = Mapping::default();
        assert!(unify(&token(ID), &token(OTHER), &mut mapping));
        assert!(!unify(&token(ID), &token(ID), &mut mapping));
        assert!(!unify(
            &token(ID),
            &format!("{}x", token(OTHER)),
            &mut mapping
        ));
    }
}
