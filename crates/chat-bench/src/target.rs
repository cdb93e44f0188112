//! Where a server is: one base address over plain HTTP.
//!
//! Only `http://` is spoken. A deployment behind TLS is measured behind its proxy, so that the figures are the
//! server's and not those of the encryption.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::{net::TcpStream, time::timeout};

/// How long a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// One server, as host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    authority: String,
}

impl Target {
    /// Reads `http://host[:port][/anything]`.
    ///
    /// # Errors
    /// When the scheme is another one or the host is missing.
    pub(crate) fn parse(url: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.trim().strip_prefix("http://") else {
            bail!("`{url}` is no http:// address (TLS is not spoken here: measure behind the proxy)");
        };
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.is_empty() {
            bail!("`{url}` names no host");
        }
        let port_given = authority.rsplit(':').next().is_some_and(|p| p.parse::<u16>().is_ok());
        let authority = if port_given { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { authority })
    }

    /// `host:port`, as the `Host` header wants it.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// A fresh connection without Nagle's delay.
    ///
    /// # Errors
    /// When nobody listens, or not within 10 s.
    pub(crate) async fn connect(&self) -> anyhow::Result<TcpStream> {
        let stream = timeout(CONNECT, TcpStream::connect(&self.authority))
            .await
            .context("connecting timed out")?
            .with_context(|| format!("connecting to {}", self.authority))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        assert_eq!(Target::parse("http://127.0.0.1:8080/").unwrap().authority(), "127.0.0.1:8080");
        assert_eq!(Target::parse("http://chat.example").unwrap().authority(), "chat.example:80");
        assert!(Target::parse("https://chat.example").is_err());
        assert!(Target::parse("http:///x").is_err());
    }
}
