//! What somebody finds who carries the tables away.

use chat_contract::everything;
use chat_domain::ports::{Digest, RoomStore, Rotation, SessionStore, WebhookStore};
use sha2::{Digest as _, Sha256};

use crate::fixture::fresh;

fn digest(secret: &str) -> Digest {
    Digest(Sha256::digest(secret).into())
}

fn hex(Digest(bytes): Digest) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn r3_a_dump_holds_of_every_secret_its_hash_alone() {
    let fresh = fresh().await;
    let world = fresh.world();
    let ann = world.user("ann").await;
    let room = world.room("all", &[ann]).await;
    let secrets =
        ["first-refresh-token", "second-refresh-token", "third-refresh-token", "invite-code", "webhook-secret"];
    let [first, second, third, code, hook] = secrets.map(digest);

    let (id, at) = (chat_domain::ids::SessionId(world.id()), world.now());
    let expires_at = at.plus_millis(3_600_000);
    let password = world.hash(ann).await;
    let session =
        chat_domain::ports::NewSession { id, user: ann, password, device: None, refresh: first, at, expires_at };
    fresh.store.open(session).await.unwrap();
    for (presented, successor) in [(first, second), (second, third)] {
        let rotated = fresh.store.rotate(presented, successor, at, expires_at).await.unwrap();
        assert!(matches!(rotated, Rotation::Rotated { .. }));
    }
    fresh.store.invite(world.invite(ann, room), code).await.unwrap();
    fresh.store.add(world.webhook(ann, room, "CI"), hook, 10).await.unwrap();
    assert_eq!(fresh.store.invites(ann, room, everything()).await.unwrap().items.len(), 1);

    let tables = fresh.database().sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let dump: String =
        tables.lines().map(|table| fresh.database().sql(&format!("SELECT row::text FROM {table} AS row"))).collect();
    for (secret, hash) in secrets.into_iter().zip([first, second, third, code, hook]) {
        assert!(!dump.contains(secret), "{secret} lies open");
        assert!(dump.contains(&hex(hash)), "{secret} was stored at all");
    }
}
