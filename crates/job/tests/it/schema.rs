//! The JSON Schema, which is made from the types that read the file.

use expect_test::expect_file;
use mesosgot_job::schema;

#[test]
fn the_schema_is_the_one_that_was_last_looked_at() {
    let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    expect_file!["../fixtures/schema.json"].assert_eq(&schema);
}
