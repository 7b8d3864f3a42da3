//! What a program writes, read with a limit: for models and for checks that are programs of somebody's own.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// All that a stream holds; `None` where that is more than `limit` bytes.
///
/// # Errors
/// What reading says.
pub async fn read_up_to(stream: impl AsyncRead + Unpin, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// The end of a stream, between `kept` and twice as many bytes where it has them. It is read to its end, so that the writer never blocks.
pub async fn read_end(mut stream: impl AsyncRead + Unpin, kept: usize) -> Vec<u8> {
    let mut end = Vec::new();
    let mut buffer = [0; 8 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        end.extend_from_slice(&buffer[..count]);
        if end.len() > 2 * kept {
            end.drain(..end.len() - kept);
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_limit_is_a_limit() {
        assert_eq!(read_up_to(&b"1234"[..], 4).await.unwrap().as_deref(), Some(&b"1234"[..]));
        assert_eq!(read_up_to(&b"12345"[..], 4).await.unwrap(), None);
        assert_eq!(read_end(&b"12345"[..], 4).await, b"12345");
        let long: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
        let end = read_end(&long[..], 1_000).await;
        assert!(end.len() >= 1_000 && end.len() <= 2_000 && long.ends_with(&end), "{}", end.len());
    }
}
