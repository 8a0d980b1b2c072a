//! `docs/job-file.md`, which is made from the types that read the file, by their schema.

use expect_test::expect_file;
use mesosgot_job::schema;
use serde_json::Value;

/// What stands above the tables.
const HEAD: &str = "\
# The job file

A job file is YAML, or JSON, which is YAML too.
Keys that are not known are errors; `mesosgot check JOB` names them with their place.
Paths are relative to the folder of the job file.
`mesosgot schema` prints the JSON Schema from which this page is made; for an editor with the YAML language server, save it and begin a job file with `# yaml-language-server: $schema=FILE`.

A *duration* is a number and a unit, `ms`, `s`, `m`, `h` or `d`, or several of them: `1m 30s`.
A *size* is a number and a unit, `B`, `kB`, `MB`, `GB`, `TB` or, by powers of 1,024, `KiB`, `MiB`, `GiB`, `TiB`.
";

#[test]
fn the_reference_says_what_the_schema_says() {
    expect_file!["../../../../docs/job-file.md"].assert_eq(&page(&schema()));
}

fn page(schema: &Value) -> String {
    let mut page = HEAD.to_owned();
    let mut sections = vec![("The job".to_owned(), schema)];
    let mut next = 0;
    while let Some((title, object)) = sections.get(next).cloned() {
        page.push_str(&format!("\n## {title}\n\n"));
        // What the page is about is said above.
        if next > 0 {
            page.push_str(&format!("{}\n\n", one_line(object)));
        }
        page.push_str("| key | value | |\n|---|---|---|\n");
        for (key, value) in entries(object) {
            let needed = if is_required(object, key) {
                ", needed"
            } else {
                ""
            };
            let kind = kind(schema, value);
            page.push_str(&format!(
                "| `{key}` | {kind}{needed} | {} |\n",
                one_line(value)
            ));
            for name in references(value) {
                let is_new = sections.iter().all(|(known, _)| *known != name);
                let object = &schema["$defs"][&name];
                if is_new && object["properties"].is_object() {
                    sections.push((name, object));
                }
            }
        }
        next += 1;
    }
    page
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object["properties"].as_object().into_iter().flatten()
}

fn is_required(object: &Value, key: &str) -> bool {
    let required = object["required"].as_array().into_iter().flatten();
    required.into_iter().any(|name| name == key)
}

/// The description, with sentences that stand for a line of Markdown.
fn one_line(value: &Value) -> String {
    let text = value["description"].as_str().unwrap_or_default();
    text.replace('\n', " ").replace('|', "\\|")
}

/// The names of the objects that a value can be or hold.
fn references(value: &Value) -> Vec<String> {
    let name = |value: &Value| {
        let path = value["$ref"].as_str()?;
        Some(path.rsplit_once('/')?.1.to_owned())
    };
    let variants = value["anyOf"].as_array().into_iter().flatten();
    let inner = [&value["items"], &value["additionalProperties"], value];
    variants.chain(inner).filter_map(name).collect()
}

/// What kind of value it is, in words.
fn kind(schema: &Value, value: &Value) -> String {
    if let Some(name) = references(value).first() {
        let is_object = schema["$defs"][name]["properties"].is_object();
        let words = match (is_object, name.as_str()) {
            (true, _) => format!("[{name}](#{})", name.to_lowercase()),
            (false, "Ports") => "number or list of numbers".to_owned(),
            (false, _) => "text".to_owned(),
        };
        return match value["type"].as_str() {
            Some("array") => format!("list of {words}"),
            Some("object") => format!("{words} by name"),
            _ => match other_words(value) {
                Some(others) => format!("{words} or {others}"),
                None => words,
            },
        };
    }
    match first_type(value) {
        "array" => format!("list of {}", kind(schema, &value["items"])),
        "object" => format!("{} by name", kind(schema, &value["additionalProperties"])),
        "boolean" => "`true` or `false`".to_owned(),
        "integer" | "number" => number(value),
        _ => text(value["pattern"].as_str().unwrap_or_default()),
    }
}

/// The words that a value can be beside the object.
fn other_words(value: &Value) -> Option<String> {
    let mut variants = value["anyOf"].as_array()?.iter();
    let words = variants.find(|variant| variant["type"] == "string")?;
    Some(text(words["pattern"].as_str().unwrap_or_default()))
}

fn first_type(value: &Value) -> &str {
    match &value["type"] {
        Value::Array(types) => types.first().and_then(Value::as_str).unwrap_or_default(),
        one => one.as_str().unwrap_or_default(),
    }
}

fn number(value: &Value) -> String {
    match (&value["minimum"], &value["maximum"]) {
        (Value::Number(min), Value::Number(max)) => format!("number, {min} to {max}"),
        _ => "number".to_owned(),
    }
}

fn text(pattern: &str) -> String {
    let words = pattern
        .strip_prefix("^(")
        .and_then(|rest| rest.strip_suffix(")$"));
    match words {
        Some(words)
            if words
                .chars()
                .all(|char| char.is_ascii_lowercase() || char == '|') =>
        {
            let words: Vec<_> = words.split('|').map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        _ if pattern.contains("(ms|s|m|h|d)") => "duration".to_owned(),
        _ if pattern.contains("[KMGT]iB") => "size".to_owned(),
        _ => "text".to_owned(),
    }
}
