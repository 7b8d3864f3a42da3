//! The committed JSON Schemas are those that the binary prints.

use std::path::Path;

use crate::sandbox::Sandbox;

#[test]
fn committed_schemas_are_up_to_date() {
    let sandbox = Sandbox::empty();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    for kind in ["registry", "prompt", "version", "lock", "test_cases", "experiment", "report"] {
        let file = format!("{kind}.schema.json");
        let committed = std::fs::read_to_string(directory.join(&file)).unwrap_or_default();
        let printed = sandbox.run(&["schema", kind]).stdout;
        assert!(
            committed.replace("\r\n", "\n") == printed,
            "docs/schemas/{file} is out of date: run `cargo run -- schema {kind} > docs/schemas/{file}`"
        );
    }
}
