//! `prompt.yaml`.

/// The name of the file in a prompt's directory.
pub const FILE_NAME: &str = "prompt.yaml";
