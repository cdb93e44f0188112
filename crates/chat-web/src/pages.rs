//! Pages of lists, as clients ask for them and get them: opaque cursors over keysets.
//!
//! A cursor is the key of the last item and a tag of (list, key). The tag guards against mistakes, not against enemies: a
//! cursor cut, altered, or taken to another list is refused instead of giving a page that is quietly wrong. Forging one
//! gains nothing, because what a page may show is decided by who asks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chat_domain::{
    ids::{InviteId, RoomId, SessionId, UserId, WebhookId},
    pages::{Page, PageOf, Place},
    ports::Reacted,
    words::{Emoji, Username},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Items of a page unless asked for otherwise.
pub const DEFAULT_LIMIT: usize = 50;
/// Most items of a page (protocol.md §2).
pub const MAX_LIMIT: usize = 100;
/// Most objects of an answer of `changes`.
pub const MAX_CHANGES: usize = 500;
/// No cursor is longer, in characters.
const MAX_CURSOR: usize = 512;
/// Bytes of the tag.
const TAG: usize = 8;

/// What a list is ordered by, as bytes.
pub trait Key: Sized {
    /// As bytes.
    fn bytes(&self) -> Vec<u8>;
    /// From bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! id_key {
    ($($id:ident)*) => {$(
        impl Key for $id {
            fn bytes(&self) -> Vec<u8> {
                self.as_bytes().to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                uuid::Uuid::from_slice(bytes).ok().map(Self)
            }
        }
    )*};
}

id_key!(RoomId UserId SessionId InviteId WebhookId);

impl Key for Username {
    fn bytes(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(|text| Self::from_stored(text.to_owned()))
    }
}

impl Key for Place {
    fn bytes(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes).map(Self)
    }
}

impl Key for Reacted {
    fn bytes(&self) -> Vec<u8> {
        [self.1.as_bytes(), self.0.as_str().as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (user, emoji) = bytes.split_at_checked(16)?;
        Some((Emoji::parse(std::str::from_utf8(emoji).ok()?).ok()?, UserId::from_bytes(user)?))
    }
}

fn tag(list: &str, key: &[u8]) -> [u8; TAG] {
    let hash = Sha256::new().chain_update(list).chain_update([0]).chain_update(key).finalize();
    let mut tag = [0; TAG];
    for (to, from) in tag.iter_mut().zip(hash) {
        *to = from;
    }
    tag
}

/// The cursor after `key` in `list`.
#[must_use]
pub fn encode<K: Key>(list: &str, key: &K) -> String {
    let key = key.bytes();
    URL_SAFE_NO_PAD.encode([&tag(list, &key), key.as_slice()].concat())
}

/// The key that a cursor of this list stands for; `None` when it is none.
#[must_use]
pub fn decode<K: Key>(list: &str, cursor: &str) -> Option<K> {
    if cursor.len() > MAX_CURSOR {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (given, key) = bytes.split_at_checked(TAG)?;
    (given == tag(list, key)).then(|| K::from_bytes(key)).flatten()
}

/// A page that a client asked for, and of which list.
#[derive(Clone, Debug)]
pub struct Asked<K> {
    /// Which list, its parameters included.
    pub list: String,
    /// Which piece of it.
    pub page: PageOf<K>,
}

/// A page as clients see it.
#[derive(Clone, Debug, Serialize)]
pub struct PageView<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// For `?cursor=`; `null` at the end.
    pub next: Option<String>,
}

impl<T> PageView<T> {
    /// Of a page of this list.
    pub fn of<K: Key>(list: &str, page: Page<T, K>) -> Self {
        Self { items: page.items, next: page.next.map(|key| encode(list, &key)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room(n: u128) -> RoomId {
        RoomId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = encode("rooms", &room(7));
        assert_eq!(decode("rooms", &cursor), Some(room(7)));
        assert_eq!(decode::<RoomId>("directory", &cursor), None);
        assert_eq!(decode::<RoomId>("rooms", ""), None);
        assert_eq!(decode::<RoomId>("rooms", &format!("{cursor}=")), None);
        let reacted: Reacted = (Emoji::parse("👍🏽").unwrap(), UserId(uuid::Uuid::from_u128(1)));
        assert_eq!(decode("r", &encode("r", &reacted)), Some(reacted));
        assert_eq!(decode("s", &encode("s", &Place(300))), Some(Place(300)));
        let name = Username::parse("ann").unwrap();
        assert_eq!(decode("u", &encode("u", &name)), Some(name));
    }

    proptest! {
        #[test]
        fn d1_a_tampered_cursor_is_refused(n: u128, at in 0_usize..32, with in "[A-Za-z0-9_-]") {
            let cursor = encode("rooms", &room(n));
            let mut other = cursor.clone();
            other.replace_range(at..=at, &with);
            prop_assert_eq!(decode::<RoomId>("rooms", &other).is_some(), other == cursor);
        }

        #[test]
        fn d1_any_text_is_refused_without_panic(text in any::<String>()) {
            prop_assert_eq!(decode::<RoomId>("rooms", &text), None);
            prop_assert_eq!(decode::<Reacted>("rooms", &text), None);
            prop_assert_eq!(decode::<Username>("rooms", &text), None);
            prop_assert_eq!(decode::<Place>("rooms", &text), None);
        }
    }
}
