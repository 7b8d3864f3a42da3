//! The registry against whole trees of files.

// Marked as what it is, so that the lints know that helpers may unwrap.
#[cfg(test)]
mod trees;
