//! What to connect to: a URL of the scheme `ws` [RFC 6455 §3].

use std::net::TcpStream;

use sansocket::Request;
use url::{Position, Url};

/// A `ws://` URL.
#[derive(Clone)]
pub(crate) struct Target(pub(crate) Url);

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
        match url.scheme() {
            "ws" => {}
            "wss" => return Err("TLS is not supported".to_owned()),
            scheme => return Err(format!("the scheme is {scheme}, not ws")),
        }
        // As in a browser, the parser skips further slashes and takes the path for the host.
        if !url.has_host() || text.trim_start().get("ws:".len()..).is_none_or(has_no_authority) {
            return Err("there is no host in it".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a user name or password is not supported".to_owned());
        }
        if url.fragment().is_some() {
            return Err("a WebSocket URL has no fragment".to_owned());
        }
        Ok(Self(url))
    }

    /// The request that upgrades a connection to this resource.
    pub(crate) fn request(&self) -> Request<'_> {
        // The parser has dropped the port if it is the default one, and escaped what must be.
        let host = &self.0[Position::BeforeHost..Position::AfterPort];
        let path_and_query = &self.0[Position::BeforePath..Position::AfterQuery];
        Request::new(host, path_and_query)
    }

    /// Connects to the first address of the host that accepts, or says why it cannot.
    pub(crate) fn connect(&self) -> Result<TcpStream, String> {
        let connected = self.0.socket_addrs(|| None).and_then(|all| TcpStream::connect(&*all));
        connected.map_err(|error| {
            let host = &self.0[Position::BeforeHost..Position::AfterHost];
            let port = self.0.port_or_known_default().unwrap_or_default();
            format!("cannot connect to {host}:{port}: {error}")
        })
    }
}

/// Whether what follows the scheme has no host where it belongs.
fn has_no_authority(rest: &str) -> bool {
    rest.strip_prefix("//").is_none_or(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
}
