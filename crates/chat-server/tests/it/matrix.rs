//! S3: every route and frame of a room, as everybody one can be to it; private and public.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::{App, Request, User, encode, nonce, spawn_app};

/// What somebody is to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anonymous,
    Stranger,
    Left,
    Banned,
    Muted,
    Member,
    Admin,
    Owner,
}

use Who::{Admin, Anonymous, Banned, Left, Member, Muted, Owner, Stranger};

const ALL: [Who; 8] = [Anonymous, Stranger, Left, Banned, Muted, Member, Admin, Owner];

/// From whom on something is allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Members, muted or not.
    In,
    /// Members who are not muted.
    Speaks,
    /// Admins.
    A,
    /// Owners.
    O,
    /// Nobody but the author, who is the owner.
    Author,
}

struct Stage {
    app: App,
    people: Vec<(Who, User)>,
    extra: User,
}

impl Stage {
    async fn new() -> Self {
        let app = spawn_app().await;
        let mut people = Vec::new();
        for who in ALL {
            people.push((who, app.user(&format!("{who:?}").to_lowercase()).await));
        }
        let extra = app.user("extra").await;
        Self { app, people, extra }
    }

    fn user(&self, who: Who) -> &User {
        &self.people.iter().find(|(one, _)| *one == who).unwrap().1
    }

    /// A room in which everybody is what they are, with a message of the owner.
    async fn room(&self, kind: &str) -> (String, u64) {
        let owner = self.user(Owner);
        let inside: Vec<&str> =
            [Left, Banned, Muted, Member, Admin].iter().map(|who| self.user(*who).id.as_str()).collect();
        let room = owner.post("/rooms", json!({"kind": kind, "name": "stage", "members": inside})).await.is(201);
        let room = room["id"].as_str().unwrap().to_owned();
        owner.kicks(&room, self.user(Left)).await;
        owner.bans(&room, self.user(Banned)).await;
        owner.mutes(&room, self.user(Muted), "2099-01-01T00:00:00.000Z").await;
        owner.makes(&room, self.user(Admin), "admin").await;
        let seq = owner.posts(&room, "the owner speaks").await["seq"].as_u64().unwrap();
        (room, seq)
    }
}

/// The status or code that `who` meets.
fn expected(who: Who, kind: &str, least: Least, done: &'static str) -> &'static str {
    let outside = if kind == "private" { "not_found" } else { "forbidden" };
    match (who, least) {
        (Anonymous, _) => "unauthenticated",
        (Stranger | Left | Banned, _) => outside,
        (Muted, Least::Speaks) => "muted",
        (Muted | Member, Least::A | Least::O | Least::Author) | (Admin, Least::O | Least::Author) => "forbidden",
        (Muted | Member | Admin | Owner, _) => done,
    }
}

/// Method, path, body, who may, what success is. `{r}` the room, `{m}` the owner's message, `{x}` somebody else's id, `{w}` a webhook, `{n}` a nonce.
const ROUTES: &[(&str, &str, &str, Least, &str)] = &[
    ("GET", "/rooms/{r}/members", "", Least::In, "200"),
    ("GET", "/rooms/{r}/messages", "", Least::In, "200"),
    ("GET", "/rooms/{r}/messages/{m}", "", Least::In, "200"),
    ("GET", "/rooms/{r}/messages/{m}/reactions", "", Least::In, "200"),
    ("GET", "/rooms/{r}/changes?after=0&epoch={e}", "", Least::In, "200"),
    ("PUT", "/rooms/{r}/read", r#"{"seq":1}"#, Least::In, "204"),
    ("GET", "/rooms/{r}/bans", "", Least::A, "200"),
    ("GET", "/rooms/{r}/invites", "", Least::A, "200"),
    ("POST", "/rooms/{r}/messages", r#"{"text":"x","nonce":"{n}"}"#, Least::Speaks, "201"),
    ("PATCH", "/rooms/{r}/messages/{m}", r#"{"text":"edited"}"#, Least::Author, "200"),
    ("PUT", "/rooms/{r}/pins/{m}", "", Least::A, "204"),
    ("DELETE", "/rooms/{r}/pins/{m}", "", Least::A, "204"),
    ("POST", "/rooms/{r}/invites", "{}", Least::A, "201"),
    ("POST", "/rooms/{r}/webhooks", r#"{"name":"x"}"#, Least::A, "201"),
    ("GET", "/rooms/{r}/webhooks", "", Least::A, "200"),
    ("DELETE", "/rooms/{r}/webhooks/{w}", "", Least::A, "204"),
    ("PUT", "/rooms/{r}/members/{x}", "{}", Least::A, "201"),
    ("DELETE", "/rooms/{r}/members/{x}", "", Least::A, "204"),
    ("PUT", "/rooms/{r}/bans/{x}", "", Least::A, "204"),
    ("DELETE", "/rooms/{r}/bans/{x}", "", Least::A, "204"),
    ("PATCH", "/rooms/{r}", r#"{"topic":"{n}"}"#, Least::A, "200"),
    ("DELETE", "/rooms/{r}/messages/{m}", "", Least::A, "204"),
    ("DELETE", "/rooms/{r}", "", Least::O, "204"),
];

#[tokio::test]
async fn s3_every_route_of_a_room_as_everybody() {
    let stage = Stage::new().await;
    let mut wrong = String::new();
    for kind in ["private", "public"] {
        for who in ALL {
            let (room, message) = stage.room(kind).await;
            let webhook =
                stage.user(Owner).post(&format!("/rooms/{room}/webhooks"), json!({"name": "x"})).await.is(201);
            let epoch = stage.user(Owner).get(&format!("/rooms/{room}/messages")).await.is(200)["epoch"]
                .as_str()
                .unwrap()
                .to_owned();
            // The people one acts on: somebody inside for what removes, outside for what adds.
            for (method, path, body, least, done) in ROUTES {
                let fill = |text: &str| {
                    text.replace("{r}", &room)
                        .replace("{m}", &message.to_string())
                        .replace("{x}", &stage.extra.id)
                        .replace("{n}", &nonce())
                        .replace("{w}", webhook["id"].as_str().unwrap())
                        .replace("{e}", &encode(&epoch))
                };
                let request = if who == Anonymous {
                    Request::new(method, &format!("/api/v1{}", fill(path)))
                } else {
                    stage.user(who).request(method, &fill(path))
                };
                let body = (!body.is_empty()).then(|| serde_json::from_str::<Value>(&fill(body)).unwrap());
                // What an admin did to the extra person is undone by hand where it was not allowed here.
                if *method == "DELETE" && path.ends_with("members/{x}") && ![Admin, Owner].contains(&who) {
                    stage.user(Owner).adds(&room, &stage.extra).await;
                }
                let reply = request.maybe_json(body).send(stage.app.address()).await;
                let met = if reply.status < 400 {
                    reply.status.to_string()
                } else {
                    reply.json()["code"].as_str().unwrap().to_owned()
                };
                let wanted = expected(who, kind, *least, done);
                if met != wanted {
                    let _ = writeln!(wrong, "{kind} {who:?} {method} {path}: {met}, not {wanted}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn s3_looking_joining_leaving_and_reacting_as_everybody() {
    let stage = Stage::new().await;
    let mut wrong = String::new();
    for kind in ["private", "public"] {
        for who in ALL {
            let (room, message) = stage.room(kind).await;
            let mut ask = async |method: &str, path: String, wanted: &[&str]| {
                let request = if who == Anonymous {
                    Request::new(method, &format!("/api/v1{path}"))
                } else {
                    stage.user(who).request(method, &path)
                };
                let reply = request.send(stage.app.address()).await;
                let met = if reply.status < 400 {
                    reply.status.to_string()
                } else {
                    reply.json()["code"].as_str().unwrap().to_owned()
                };
                if !wanted.contains(&met.as_str()) {
                    let _ = writeln!(wrong, "{kind} {who:?} {method} {path}: {met}, not {wanted:?}");
                }
            };
            let is_public = kind == "public";
            let outside: &[&str] = if is_public { &["forbidden"] } else { &["not_found"] };
            let look: &[&str] = match who {
                Anonymous => &["unauthenticated"],
                Stranger | Left if is_public => &["200"],
                Stranger | Left | Banned => outside,
                Muted | Member | Admin | Owner => &["200"],
            };
            ask("GET", format!("/rooms/{room}"), look).await;
            let reaction = format!("/rooms/{room}/messages/{message}/reactions/{}", encode("👍"));
            let react: &[&str] = match who {
                Anonymous => &["unauthenticated"],
                Stranger | Left | Banned => outside,
                // Whether a mute takes reactions as well is not written down.
                Muted => &["204", "muted"],
                Member | Admin | Owner => &["204"],
            };
            ask("PUT", reaction.clone(), react).await;
            ask("DELETE", reaction, react).await;
            let join: &[&str] = match who {
                Anonymous => &["unauthenticated"],
                Stranger | Left if is_public => &["201"],
                Stranger | Left | Banned => outside,
                Muted | Member | Admin | Owner => &["200"],
            };
            ask("PUT", format!("/rooms/{room}/members/me"), join).await;
            let leave: &[&str] = match who {
                Anonymous => &["unauthenticated"],
                Stranger | Left if is_public => &["204"],
                Stranger | Left | Banned => outside,
                Owner => &["conflict"],
                Muted | Member | Admin => &["204"],
            };
            ask("DELETE", format!("/rooms/{room}/members/me"), leave).await;
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn s3_every_frame_about_a_room_as_everybody() {
    let stage = Stage::new().await;
    let mut wrong = String::new();
    for kind in ["private", "public"] {
        for who in ALL.into_iter().filter(|who| *who != Anonymous) {
            let (room, message) = stage.room(kind).await;
            let mut socket = stage.user(who).connects().await;
            let frames = [
                (json!({"type": "send", "room": room, "nonce": nonce(), "text": "x"}), Least::Speaks),
                (json!({"type": "read", "room": room, "seq": 1}), Least::In),
                (json!({"type": "react", "room": room, "seq": message, "emoji": "👍", "on": true}), Least::In),
                (json!({"type": "edit", "room": room, "seq": message, "text": "edited"}), Least::Author),
                (json!({"type": "delete", "room": room, "seq": message}), Least::A),
            ];
            for (frame, least) in frames {
                let answer = socket.ask(frame.clone()).await;
                let met = answer["code"].as_str().unwrap_or("ok");
                let wanted = expected(who, kind, least, "ok");
                let either = who == Muted && frame["type"] == "react" && met == "muted";
                if met != wanted && !either {
                    let _ = writeln!(wrong, "{kind} {who:?} {}: {met}, not {wanted}", frame["type"]);
                }
            }
            let answer = socket.done(json!({"type": "subscribe", "rooms": [{"room": room}]})).await;
            let met = answer["rooms"][0]["code"].as_str().or(answer["rooms"][0]["status"].as_str()).unwrap().to_owned();
            let wanted = expected(who, kind, Least::In, "live");
            if met != wanted {
                let _ = writeln!(wrong, "{kind} {who:?} subscribe: {met}, not {wanted}");
            }
            socket.leaves().await;
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn s3_nobody_is_let_in_without_a_token() {
    let app = spawn_app().await;
    let id = uuid::Uuid::now_v7();
    for (method, path, body) in [
        ("GET", "/sessions".to_owned(), None),
        ("DELETE", "/sessions".to_owned(), None),
        ("DELETE", "/sessions/current".to_owned(), None),
        ("DELETE", format!("/sessions/{id}"), None),
        ("GET", "/me".to_owned(), None),
        ("PATCH", "/me".to_owned(), Some(json!({"display_name": "x"}))),
        ("DELETE", "/me".to_owned(), Some(json!({"password": "x"}))),
        ("PUT", "/me/password".to_owned(), Some(json!({"current": "x", "new": "y"}))),
        ("GET", format!("/users/{id}"), None),
        ("GET", "/users?q=x".to_owned(), None),
        ("GET", "/sync".to_owned(), None),
        ("GET", "/rooms".to_owned(), None),
        ("GET", "/rooms?scope=public".to_owned(), None),
        ("POST", "/rooms".to_owned(), Some(json!({"kind": "public", "name": "x"}))),
        ("POST", "/invites/some-code".to_owned(), None),
    ] {
        let reply = Request::new(method, &format!("/api/v1{path}")).maybe_json(body).send(app.address()).await;
        assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text());
        reply.refuses(401, "unauthenticated");
    }
}
