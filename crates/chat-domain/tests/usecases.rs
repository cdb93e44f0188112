//! The use cases where a port fails on cue: what is told, and what must not happen then.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use chat_domain::{
    command::{Action, Draft, Outcome, Reply},
    ids::{RoomId, SessionId, UserId, WebhookId},
    limits::{Limits, Rate},
    objects::{Message, User, Webhook},
    ports::{
        AccessClaims, Busy, Departure, Digest, MockAccountStore, MockClock, MockJournal, MockLogStore, MockPasswords,
        MockRateLimits, MockRoomStore, MockSessionStore, MockTokens, MockWebhookStore, NewSession, PasswordHash,
        PasswordVerdict, Rotation, Secret,
    },
    refusal::{Refusal, Unavailable},
    timestamp::Timestamp,
    usecases::{Chat, Ports, Registration, SignIn},
    words::{DisplayName, Password, Text, Username},
};
use uuid::Uuid;

const ANN: UserId = UserId(Uuid::from_u128(1));
const SESSION: SessionId = SessionId(Uuid::from_u128(2));
const ROOM: RoomId = RoomId(Uuid::from_u128(3));
const NOW: i64 = 1_800_000_000_000;

/// Ports of which none expects a call but the clock and the tokens: each test says what may happen.
#[derive(Default)]
struct Stage {
    accounts: MockAccountStore,
    sessions: MockSessionStore,
    rooms: MockRoomStore,
    log: MockLogStore,
    webhooks: MockWebhookStore,
    journal: MockJournal,
    passwords: MockPasswords,
    rates: MockRateLimits,
}

impl Stage {
    /// With rates that let everything pass and forgive.
    fn new() -> Self {
        let mut stage = Self::default();
        stage.rates.expect_count().returning(|_| Ok(()));
        stage.rates.expect_forgive().return_const(());
        stage
    }

    fn chat(self) -> Chat {
        let mut clock = MockClock::new();
        clock.expect_now().returning(|| Timestamp::from_millis(NOW));
        clock.expect_fresh_id().returning(|| Uuid::from_u128(99));
        let mut tokens = MockTokens::new();
        tokens.expect_fresh_secret().returning(|| Secret::new("fresh".to_owned()));
        tokens.expect_digest().returning(|_| Digest([7; 32]));
        tokens.expect_issue().returning(|_, _, _| Secret::new("access".to_owned()));
        tokens.expect_access_ttl_s().return_const(900_u64);
        let claims = AccessClaims {
            user: ANN,
            session: SESSION,
            issued_at: Timestamp::from_millis(NOW),
            expires_at: Timestamp::from_millis(NOW + 900_000),
        };
        tokens.expect_verify().returning(move |_, _| Ok(claims));
        let ports = Ports {
            accounts: Arc::new(self.accounts),
            sessions: Arc::new(self.sessions),
            rooms: Arc::new(self.rooms),
            log: Arc::new(self.log),
            webhooks: Arc::new(self.webhooks),
            journal: Arc::new(self.journal),
            tokens: Arc::new(tokens),
            passwords: Arc::new(self.passwords),
            rates: Arc::new(self.rates),
            clock: Arc::new(clock),
        };
        Chat::new(ports, Limits::default())
    }
}

fn ann() -> User {
    User {
        id: ANN,
        username: Some(Username::parse("ann").unwrap()),
        display_name: Some(DisplayName::parse("Ann").unwrap()),
        bot: false,
        deleted: false,
        created_at: Timestamp::from_millis(NOW),
    }
}

fn hash() -> PasswordHash {
    PasswordHash("stored".to_owned())
}

fn sign_in() -> SignIn {
    SignIn { username: "Ann".to_owned(), password: Secret::new("correct horse".to_owned()), device: None }
}

fn draft() -> Draft {
    Draft { text: Text::parse("hi", 10).unwrap(), nonce: None, reply_to: None }
}

fn outage() -> Refusal {
    Unavailable::because("cue").into()
}

#[tokio::test]
async fn nobody_is_registered_while_the_password_queue_is_full() {
    let mut stage = Stage::new();
    stage.passwords.expect_hash().returning(|_| Err(Busy { retry_ms: 700 }));
    stage.accounts.expect_create().never();
    let wanted = Registration {
        username: Username::parse("ann").unwrap(),
        password: Password::choose("correct horse", "ann").unwrap(),
        display_name: None,
    };
    let Err(Refusal::Unavailable(unavailable)) = stage.chat().register("192.0.2.1", wanted).await else { panic!() };
    assert_eq!(unavailable.retry_ms, 700);
}

#[tokio::test]
async fn a1_an_unknown_name_costs_a_hash_like_a_known_one() {
    let mut stage = Stage::new();
    stage.accounts.expect_credentials().returning(|_| Ok(None));
    stage
        .passwords
        .expect_verify()
        .once()
        .withf(|_, stored| stored.is_none())
        .returning(|_, _| Ok(PasswordVerdict::Wrong));
    assert_eq!(stage.chat().sign_in("192.0.2.1", sign_in()).await, Err(Refusal::BadCredentials));
}

#[tokio::test]
async fn a5_a_hash_that_could_not_be_renewed_is_no_reason_to_refuse() {
    let mut stage = Stage::new();
    stage.accounts.expect_credentials().returning(|_| Ok(Some((ann(), hash()))));
    stage.passwords.expect_verify().returning(|_, _| Ok(PasswordVerdict::RightButWeak));
    stage.passwords.expect_hash().once().returning(|_| Err(Busy { retry_ms: 1 }));
    stage.accounts.expect_rehash().never();
    stage.sessions.expect_open().once().returning(|_| Ok(()));
    let grant = stage.chat().sign_in("192.0.2.1", sign_in()).await.unwrap();
    assert_eq!((grant.user.id, grant.expires_in), (ANN, 900));
}

#[tokio::test]
async fn who_was_deleted_between_the_check_and_the_session_is_told_nothing_else() {
    let mut stage = Stage::new();
    stage.accounts.expect_credentials().returning(|_| Ok(Some((ann(), hash()))));
    stage.passwords.expect_verify().returning(|_, _| Ok(PasswordVerdict::Right));
    stage.sessions.expect_open().returning(|_| Err(Refusal::NotFound));
    assert_eq!(stage.chat().sign_in("192.0.2.1", sign_in()).await, Err(Refusal::BadCredentials));
}

#[tokio::test]
async fn a_hash_that_was_renewed_while_the_password_was_checked_is_checked_again() {
    let mut stage = Stage::new();
    let mut stored = ["old", "new"].into_iter();
    let credentials = move |_: &Username| Ok(stored.next().map(|hash| (ann(), PasswordHash(hash.to_owned()))));
    stage.accounts.expect_credentials().times(2).returning(credentials);
    stage.passwords.expect_verify().times(2).returning(|_, _| Ok(PasswordVerdict::Right));
    let is_new = |session: &NewSession| session.password == PasswordHash("new".to_owned());
    let open = move |session: NewSession| if is_new(&session) { Ok(()) } else { Err(Refusal::NotFound) };
    stage.sessions.expect_open().times(2).returning(open);
    assert_eq!(stage.chat().sign_in("192.0.2.1", sign_in()).await.unwrap().user.id, ANN);
}

#[tokio::test]
async fn a_password_that_was_replaced_while_it_was_checked_opens_nothing() {
    let mut stage = Stage::new();
    let mut stored = ["old", "new"].into_iter();
    let credentials = move |_: &Username| Ok(stored.next().map(|hash| (ann(), PasswordHash(hash.to_owned()))));
    stage.accounts.expect_credentials().times(2).returning(credentials);
    let is_old = |stored: &Option<PasswordHash>| *stored == Some(PasswordHash("old".to_owned()));
    let verdict = move |_, stored| Ok(if is_old(&stored) { PasswordVerdict::Right } else { PasswordVerdict::Wrong });
    stage.passwords.expect_verify().times(2).returning(verdict);
    stage.sessions.expect_open().once().returning(|_| Err(Refusal::NotFound));
    assert_eq!(stage.chat().sign_in("192.0.2.1", sign_in()).await, Err(Refusal::BadCredentials));
}

#[tokio::test]
async fn r2_a_reused_refresh_token_closes_the_sessions_sockets() {
    let mut stage = Stage::new();
    stage.sessions.expect_rotate().returning(|_, _, _, _| Ok(Rotation::Reused { user: ANN, session: SESSION }));
    stage.journal.expect_end_sessions().once().withf(|ended| *ended == [SESSION]).return_const(());
    assert_eq!(stage.chat().refresh("stolen").await, Err(Refusal::SessionRevoked));
}

#[tokio::test]
async fn no_session_ends_when_the_store_could_not_tell() {
    let mut stage = Stage::new();
    stage.sessions.expect_rotate().returning(|_, _, _, _| Err(Unavailable::because("cue")));
    stage.journal.expect_end_sessions().never();
    assert_eq!(stage.chat().refresh("token").await, Err(outage()));
}

#[tokio::test]
async fn nothing_is_deleted_for_a_wrong_password_or_while_none_can_be_checked() {
    for verdict in [Ok(PasswordVerdict::Wrong), Err(Busy { retry_ms: 5 })] {
        let mut stage = Stage::new();
        stage.accounts.expect_password().returning(|_| Ok(Some(hash())));
        stage.passwords.expect_verify().returning(move |_, _| verdict);
        stage.accounts.expect_delete().never();
        let refused = stage.chat().delete_account(ANN, "correct horse").await.unwrap_err();
        assert_eq!(refused == Refusal::WrongPassword, verdict.is_ok());
    }
}

#[tokio::test]
async fn a_deleted_account_is_told_to_rooms_and_sockets() {
    let mut stage = Stage::new();
    stage.accounts.expect_password().returning(|_| Ok(Some(hash())));
    stage.passwords.expect_verify().returning(|_, _| Ok(PasswordVerdict::Right));
    let departure = || Departure { outcomes: Vec::new(), sessions: vec![SESSION] };
    stage.accounts.expect_delete().once().returning(move |_, _| Ok(departure()));
    stage.journal.expect_publish().once().return_const(());
    stage.journal.expect_end_sessions().once().withf(|ended| *ended == [SESSION]).return_const(());
    assert_eq!(stage.chat().delete_account(ANN, "correct horse").await, Ok(()));
}

#[tokio::test]
async fn a_good_token_of_an_ended_session_opens_no_door() {
    let mut stage = Stage::new();
    stage.journal.expect_has_ended().withf(|session| *session == SESSION).return_const(true);
    assert_eq!(stage.chat().authenticate("token"), Err(Refusal::SessionRevoked));
}

#[tokio::test]
async fn over_the_rate_nothing_is_submitted() {
    let mut stage = Stage::default();
    stage.rates.expect_count().returning(|rate| if *rate == Rate::SendsIntoRoom(ROOM) { Err(40) } else { Ok(()) });
    stage.journal.expect_submit().never();
    let refused = stage.chat().post(ANN, ROOM, draft()).err();
    assert_eq!(refused, Some(Refusal::RateLimited { retry_ms: 40 }));
}

#[tokio::test]
async fn strangers_do_not_use_up_a_rooms_rate() {
    for (answer, given_back) in [(Refusal::NotFound, 1), (Refusal::Muted { retry_ms: 9 }, 1), (outage(), 0)] {
        let mut stage = Stage::new();
        let told = answer.clone();
        stage.journal.expect_submit().returning(move |_| {
            let told = told.clone();
            Box::pin(async move { Err(told) })
        });
        stage.rates.expect_refund().times(given_back).withf(|rate| *rate == Rate::SendsIntoRoom(ROOM)).return_const(());
        assert_eq!(stage.chat().post(ANN, ROOM, draft()).unwrap().await, Err(answer));
    }
}

const HOOK: WebhookId = WebhookId(Uuid::from_u128(4));
const BOT: UserId = UserId(Uuid::from_u128(5));

fn webhook() -> Webhook {
    let created_at = Timestamp::from_millis(NOW);
    Webhook { id: HOOK, room: ROOM, name: DisplayName::parse("CI").unwrap(), bot: BOT, by: ANN, created_at }
}

fn wrong() -> Rate {
    Rate::WrongSecretsOf(HOOK, "1.2.3.4".to_owned())
}

#[tokio::test]
async fn a_wrong_secret_is_counted_and_as_if_there_were_no_webhook() {
    let mut stage = Stage::default();
    stage.rates.expect_count().times(2).withf(|rate| *rate == wrong()).returning(|_| Ok(()));
    stage.rates.expect_refund().times(1).withf(|rate| *rate == wrong()).return_const(());
    stage.webhooks.expect_find().times(1).returning(|_, _| Ok(None));
    let posted = stage.chat().post_as_webhook("1.2.3.4", HOOK, "guess", draft()).await;
    assert_eq!(posted, Err(Refusal::NotFound));
}

#[tokio::test]
async fn after_too_many_wrong_secrets_nobody_looks() {
    let mut stage = Stage::default();
    stage.rates.expect_count().times(1).withf(|rate| *rate == wrong()).returning(|_| Err(7));
    let posted = stage.chat().post_as_webhook("1.2.3.4", HOOK, "guess", draft()).await;
    assert_eq!(posted, Err(Refusal::RateLimited { retry_ms: 7 }));
}

#[tokio::test]
async fn what_a_webhook_posts_is_counted_as_its_bots_and_into_the_room() {
    for over in [Rate::SendsOfUser(BOT), Rate::SendsIntoRoom(ROOM)] {
        let mut stage = Stage::default();
        let refused = over.clone();
        stage.rates.expect_count().returning(move |rate| if *rate == refused { Err(9) } else { Ok(()) });
        stage.rates.expect_refund().times(1).withf(|rate| *rate == wrong()).return_const(());
        stage.webhooks.expect_find().returning(|_, _| Ok(Some(webhook())));
        let posted = stage.chat().post_as_webhook("1.2.3.4", HOOK, "right", draft()).await;
        assert_eq!(posted, Err(Refusal::RateLimited { retry_ms: 9 }), "{over:?}");
    }
}

#[tokio::test]
async fn a_webhook_posts_by_the_one_road_as_its_bot() {
    let mut stage = Stage::new();
    stage.rates.expect_refund().return_const(());
    stage.webhooks.expect_find().returning(|_, _| Ok(Some(webhook())));
    let action = Action::PostAsWebhook { webhook: HOOK, draft: draft() };
    stage
        .journal
        .expect_submit()
        .times(1)
        .withf(move |command| command.by == BOT && command.room == ROOM && command.action == action)
        .returning(|_| Box::pin(async { Err(outage()) }));
    let posted = stage.chat().post_as_webhook("1.2.3.4", HOOK, "right", draft()).await;
    assert_eq!(posted, Err(outage()));
}

#[tokio::test]
async fn a_message_that_was_deleted_is_gone() {
    let mut stage = Stage::new();
    stage.log.expect_message().returning(|_, room, seq| {
        let at = Timestamp::from_millis(NOW);
        Ok(Message {
            room,
            seq,
            rev: seq + 1,
            author: ANN,
            at,
            text: None,
            reply_to: None,
            mentions: Vec::new(),
            mentions_room: false,
            reactions: Vec::new(),
            edited_at: None,
            deleted: true,
            nonce: None,
        })
    });
    assert!(matches!(stage.chat().message(ANN, ROOM, 4).await, Err(Refusal::Gone(_))));
}

#[tokio::test]
async fn a_command_is_stamped_with_the_houses_time() {
    let mut stage = Stage::new();
    stage.journal.expect_submit().once().withf(|command| command.at == Timestamp::from_millis(NOW)).returning(|_| {
        let reply = Reply::Read { seq: 5 };
        Box::pin(async { Ok(Outcome { reply, events: Vec::new(), hints: Vec::new(), closed: false }) })
    });
    let outcome = stage.chat().command(ANN, ROOM, Action::Read(5)).await.unwrap();
    assert_eq!(outcome.reply, Reply::Read { seq: 5 });
}
