//! The evaluator as a program that embeds it meets it.

mod replay;
