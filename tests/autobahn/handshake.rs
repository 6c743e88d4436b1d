//! The fuzzing peer's side of the opening handshake [RFC 6455 §4, RFC 7692 §7.1].

use base64ct::{Base64, Encoding};

use crate::case::{Answer, Compression, Offer};
use crate::compression::Params;

/// The key of every request; a real client's is new each time.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The request of a client that offers this compression.
pub(crate) fn request(compression: Option<&Compression>) -> String {
    let mut head = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: sansocket-suite\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n\
         Sec-WebSocket-Version: 13\r\n"
    );
    if let Some(compression) = compression {
        let offers: Vec<String> = compression.offers.iter().map(offer).collect();
        head += &format!("Sec-WebSocket-Extensions: {}\r\n", offers.join(", "));
    }
    head + "\r\n"
}

/// What the server's response agrees to, or why it is not acceptable.
pub(crate) fn check_response(head: &str) -> Result<Option<Params>, String> {
    let status = head.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 101 ") {
        return Err(format!("the status line is {status:?}"));
    }
    if header(head, "Sec-WebSocket-Accept") != Some(&accept_key(KEY)) {
        return Err("the accept key is wrong".into());
    }
    Ok(header(head, "Sec-WebSocket-Extensions").and_then(params))
}

/// The response to a client's request and what it agrees to, or why there is none.
pub(crate) fn respond(
    head: &str,
    compression: Option<&Compression>,
) -> Result<(String, Option<Params>), String> {
    let key = header(head, "Sec-WebSocket-Key").ok_or("there is no key in the request")?;
    let mut response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nServer: sansocket-suite\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
        accept_key(key)
    );
    let agreed = compression.and_then(|compression| {
        let offers = header(head, "Sec-WebSocket-Extensions")?;
        let agreed = |answer| offers.split(',').find_map(|offer| agree(offer, answer));
        compression.answers.iter().find_map(agreed)
    });
    if let Some(agreed) = &agreed {
        response += &format!("Sec-WebSocket-Extensions: {agreed}\r\n");
    }
    Ok((response + "\r\n", agreed.as_deref().and_then(params)))
}

fn offer(offer: &Offer) -> String {
    let mut text = String::from("permessage-deflate");
    if offer.server_no_context_takeover {
        text += "; server_no_context_takeover";
    }
    if let Some(bits) = offer.server_max_window_bits {
        text += &format!("; server_max_window_bits={bits}");
    }
    text + "; client_no_context_takeover; client_max_window_bits"
}

/// The response's extension, if the offer allows for what the server wants.
fn agree(offer: &str, answer: &Answer) -> Option<String> {
    let offered = params(offer)?;
    let mut text = String::from("permessage-deflate");
    if offered.server_no_context_takeover {
        text += "; server_no_context_takeover";
    }
    if let Some(bits) = offered.server_max_window_bits {
        text += &format!("; server_max_window_bits={bits}");
    }
    if answer.client_no_context_takeover {
        text += "; client_no_context_takeover";
    }
    if let Some(bits) = answer.client_max_window_bits {
        if !offer.contains("client_max_window_bits") {
            return None;
        }
        text += &format!("; client_max_window_bits={bits}");
    }
    Some(text)
}

/// The parameters of a permessage-deflate extension.
fn params(extension: &str) -> Option<Params> {
    let mut parts = extension.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return None;
    }
    let mut params = Params::default();
    for part in parts {
        let (name, value) = part.split_once('=').map_or((part, None), |(n, v)| (n, Some(v)));
        let bits = || value.and_then(|value| value.trim_matches('"').parse().ok());
        match name.trim() {
            "server_no_context_takeover" => params.server_no_context_takeover = true,
            "client_no_context_takeover" => params.client_no_context_takeover = true,
            "server_max_window_bits" => params.server_max_window_bits = bits(),
            "client_max_window_bits" => params.client_max_window_bits = bits(),
            _ => return None,
        }
    }
    Some(params)
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn accept_key(key: &str) -> String {
    let mut hash = sha1_smol::Sha1::from(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut text = [0; 28];
    Base64::encode(&hash.digest().bytes(), &mut text).expect("room for 20 octets").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc() {
        assert_eq!(accept_key(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_window_is_asked_for_only_where_it_was_offered() {
        let answer = Answer { client_no_context_takeover: true, client_max_window_bits: Some(9) };
        assert_eq!(agree("permessage-deflate", &answer), None);
        assert_eq!(
            agree(" permessage-deflate; client_max_window_bits ", &answer).as_deref(),
            Some("permessage-deflate; client_no_context_takeover; client_max_window_bits=9")
        );
    }
}
