//! Shares and levels on the command line; for `clap`.

/// Reads a share from 0 to 1.
pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("write a share from 0 to 1, such as 0.9".to_owned()),
    }
}

/// Reads how sure an end of an interval is.
pub(crate) fn parse_level(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(level) if level > 0.5 && level < 1.0 => Ok(level),
        _ => Err("write a number above 0.5 and below 1, such as 0.95".to_owned()),
    }
}
