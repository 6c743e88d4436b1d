//! Reading header values: single ones, and lists with commas [RFC 9110 §5.6.1].
//!
//! All of it works on the values of one header in order, as iterators over anything that has
//! bytes, so that it reads the headers of other HTTP libraries as well as our own.

/// The value, if there is exactly one.
pub(super) fn only<'h, V: AsRef<[u8]> + ?Sized + 'h>(
    values: impl IntoIterator<Item = &'h V>,
) -> Option<&'h [u8]> {
    let mut values = values.into_iter();
    let value = values.next()?;
    values.next().is_none().then_some(value.as_ref())
}

/// The elements of the lists with commas in all values that are text; empty ones do not count.
pub(super) fn list<'h, V: AsRef<[u8]> + ?Sized + 'h>(
    values: impl IntoIterator<Item = &'h V>,
) -> impl Iterator<Item = &'h str> {
    values
        .into_iter()
        .flat_map(|value| value.as_ref().split(|&byte| byte == b','))
        .filter_map(|element| core::str::from_utf8(element.trim_ascii()).ok())
        .filter(|element| !element.is_empty())
}

/// Whether a list has this token, in any case of letters.
pub(super) fn has_token<'h, V: AsRef<[u8]> + ?Sized + 'h>(
    values: impl IntoIterator<Item = &'h V>,
    token: &str,
) -> bool {
    list(values).any(|element| element.eq_ignore_ascii_case(token))
}

/// Returns the subprotocols that a client offers, in its order of preference [RFC 6455 §4.1].
///
/// `values` are those of all headers named Sec-WebSocket-Protocol in a request.
pub fn offered_protocols<'h, V: AsRef<[u8]> + ?Sized + 'h>(
    values: impl IntoIterator<Item = &'h V>,
) -> impl Iterator<Item = &'h str> {
    list(values)
}

/// Returns the first of the server's own subprotocols that the client offers.
///
/// `own` is in the server's order of preference. The values are those of all headers named
/// Sec-WebSocket-Protocol in the request. If the result is `None`, the response must not name a
/// subprotocol [RFC 6455 §4.2.2].
///
/// ```
/// use sansocket::handshake::choose_protocol;
///
/// let values = ["v1.chat, v2.chat", "mqtt"];
/// assert_eq!(choose_protocol(&["v2.chat", "v1.chat"], values), Some("v2.chat"));
/// assert_eq!(choose_protocol(&["v3.chat"], values), None);
/// ```
pub fn choose_protocol<'p, 'h, V: AsRef<[u8]> + ?Sized + 'h>(
    own: &[&'p str],
    values: impl IntoIterator<Item = &'h V>,
) -> Option<&'p str> {
    let best = list(values).filter_map(|offered| own.iter().position(|&own| own == offered)).min();
    best.and_then(|index| own.get(index).copied())
}
