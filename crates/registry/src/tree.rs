//! The tree.
mod file_name;
