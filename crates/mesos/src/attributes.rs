//! The text form of attributes, as on an agent's command line: `rack:r1;level:10;slots:[1-3]`.
//!
//! A value that is a number is a scalar, one in brackets ranges, one in braces a set, any other a
//! text.

use thiserror::Error;

use crate::resources::{ParseResourcesError, Scalar, Value, parse_value};
use crate::v1;
use crate::v1::value::Type;

/// Why a text does not describe attributes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseAttributesError {
    /// A part without a name, a colon or a value.
    #[error("`{0}` is not of the form `name:value`")]
    NotNameAndValue(String),
    /// Ranges or a set that are not written like such.
    #[error(transparent)]
    Value(#[from] ParseResourcesError),
}

/// Reads attributes, in their order; a name may come several times.
///
/// # Errors
/// What is wrong with the first bad part.
pub fn parse(text: &str) -> Result<Vec<v1::Attribute>, ParseAttributesError> {
    let parts = text.split([';', '\n']).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(parse_one)
        .collect()
}

fn parse_one(part: &str) -> Result<v1::Attribute, ParseAttributesError> {
    let not_a_pair = || ParseAttributesError::NotNameAndValue(part.to_owned());
    let (name, value) = part.split_once(':').ok_or_else(not_a_pair)?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || value.is_empty() {
        return Err(not_a_pair());
    }
    let attribute = |kind: Type| v1::Attribute {
        name: name.to_owned(),
        r#type: kind.into(),
        ..v1::Attribute::default()
    };
    if value.starts_with(['[', '{']) {
        return Ok(match parse_value(name, value)? {
            Value::Ranges(ranges) => v1::Attribute {
                ranges: Some(ranges.to_wire()),
                ..attribute(Type::Ranges)
            },
            Value::Set(items) => v1::Attribute {
                set: Some(v1::value::Set {
                    item: items.into_iter().collect(),
                }),
                ..attribute(Type::Set)
            },
            Value::Scalar(_) => return Err(not_a_pair()),
        });
    }
    let number = value.parse().ok().map(Scalar::from_f64);
    Ok(match number {
        Some(Ok(scalar)) => v1::Attribute {
            scalar: Some(v1::value::Scalar {
                value: scalar.to_f64(),
            }),
            ..attribute(Type::Scalar)
        },
        Some(Err(_)) | None => v1::Attribute {
            text: Some(v1::value::Text {
                value: value.to_owned(),
            }),
            ..attribute(Type::Text)
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_type_that_they_look_like() {
        let read = parse("rack:r1; level:1.5;slots:[1-2,4-4]\ndisks:{b,a};url:a:b;;n:nan").unwrap();
        let kinds: Vec<(&str, Type)> = read
            .iter()
            .map(|attribute| (attribute.name.as_str(), attribute.r#type()))
            .collect();
        let expected = [
            ("rack", Type::Text),
            ("level", Type::Scalar),
            ("slots", Type::Ranges),
            ("disks", Type::Set),
            ("url", Type::Text),
            ("n", Type::Text),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(read[1].scalar, Some(v1::value::Scalar { value: 1.5 }));
        assert_eq!(read[2].ranges.as_ref().unwrap().range[1].begin, 4);
        assert_eq!(read[3].set.as_ref().unwrap().item, ["a", "b"]);
        assert_eq!(read[4].text.as_ref().unwrap().value, "a:b");
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, message) in [
            ("rack", "`rack` is not of the form `name:value`"),
            (":r1", "`:r1` is not of the form `name:value`"),
            ("slots:[1-", "the list `[1-` of `slots` is not closed"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }
}
