//! S3: every route that names a room, as everybody there is, in a public and in a private room.

use serde_json::{Value, json};

use crate::house::{House, Person};

/// What a route asks of the one who calls it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    Look,
    Read,
    Speak,
    Author,
    AuthorOrAdmin,
    Manage,
    Own,
    Join,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    Anonymous,
    Stranger,
    Banned,
    Left,
    Member,
    Muted,
    Admin,
    Owner,
}

const EVERYBODY: [As; 8] =
    [As::Anonymous, As::Stranger, As::Banned, As::Left, As::Member, As::Muted, As::Admin, As::Owner];

/// Method, path below the room, body, what it needs, the status when it is granted. `{…}` as in the table of endpoints.
fn routes() -> Vec<(&'static str, &'static str, Option<Value>, Needs, u16)> {
    let text = || Some(json!({"text": "other"}));
    let draft = || Some(json!({"text": "x", "nonce": "nonce-matrix"}));
    vec![
        ("GET", "", None, Needs::Look, 200),
        ("PATCH", "", Some(json!({"topic": "tea"})), Needs::Manage, 200),
        ("DELETE", "", None, Needs::Own, 204),
        ("GET", "/members", None, Needs::Read, 200),
        ("PUT", "/members/me", None, Needs::Join, 200),
        ("PUT", "/members/{u}", Some(json!({"role": "member"})), Needs::Manage, 200),
        ("DELETE", "/members/{u}", None, Needs::Manage, 204),
        ("GET", "/bans", None, Needs::Manage, 200),
        ("PUT", "/bans/{u}", None, Needs::Manage, 204),
        ("DELETE", "/bans/{u}", None, Needs::Manage, 204),
        ("POST", "/invites", None, Needs::Manage, 201),
        ("GET", "/invites", None, Needs::Manage, 200),
        ("DELETE", "/invites/{id}", None, Needs::Manage, 204),
        ("POST", "/webhooks", Some(json!({"name": "CI"})), Needs::Manage, 201),
        ("GET", "/webhooks", None, Needs::Manage, 200),
        ("DELETE", "/webhooks/{id}", None, Needs::Manage, 204),
        ("GET", "/messages", None, Needs::Read, 200),
        ("POST", "/messages", draft(), Needs::Speak, 201),
        ("GET", "/messages/{seq}", None, Needs::Read, 200),
        ("PATCH", "/messages/{seq}", text(), Needs::Author, 200),
        ("DELETE", "/messages/{seq}", None, Needs::AuthorOrAdmin, 204),
        ("PUT", "/messages/{seq}/reactions/{emoji}", None, Needs::Speak, 204),
        ("DELETE", "/messages/{seq}/reactions/{emoji}", None, Needs::Read, 204),
        ("GET", "/messages/{seq}/reactions", None, Needs::Read, 200),
        ("PUT", "/pins/{seq}", None, Needs::Manage, 204),
        ("DELETE", "/pins/{seq}", None, Needs::Manage, 204),
        ("GET", "/changes", None, Needs::Read, 200),
        ("PUT", "/read", Some(json!({"seq": 1})), Needs::Read, 204),
    ]
}

fn expected(who: As, needs: Needs, is_public: bool, granted: u16) -> (u16, &'static str) {
    let hidden = if is_public { (403, "forbidden") } else { (404, "not_found") };
    let outside = match (is_public, needs) {
        (true, Needs::Look) => (granted, ""),
        (true, Needs::Join) => (201, ""),
        _ => hidden,
    };
    let inside = |may: bool| if may { (granted, "") } else { (403, "forbidden") };
    match who {
        As::Anonymous => (401, "unauthenticated"),
        As::Banned => hidden,
        As::Stranger | As::Left => outside,
        As::Muted if needs == Needs::Speak => (403, "muted"),
        As::Member | As::Muted => inside(matches!(needs, Needs::Look | Needs::Read | Needs::Speak | Needs::Join)),
        As::Admin => inside(!matches!(needs, Needs::Own | Needs::Author)),
        As::Owner => (granted, ""),
    }
}

#[actix_web::test]
async fn s3_every_route_of_a_room_as_everybody() {
    let house = House::open().await;
    let mut people = Vec::new();
    for name in ["nobody", "stranger", "banned", "left.one", "member", "muted", "admin1", "owner"] {
        people.push(house.person(name).await);
    }
    let target = house.person("target").await;
    for is_public in [true, false] {
        for (method, path, body, needs, granted) in routes() {
            for (who, person) in EVERYBODY.into_iter().zip(&people) {
                let (room, path) = furnish(&people, &target, is_public, path).await;
                let path = format!("{room}{path}");
                let answer = if who == As::Anonymous {
                    house.call(method, &format!("/api/v1{path}"), &[], b"").await
                } else {
                    person.call(method, &path, &[], body.clone()).await
                };
                let (status, code) = expected(who, needs, is_public, granted);
                assert_eq!(answer.outcome(), (status, code.to_owned()), "{who:?} {method} {path} public: {is_public}");
            }
        }
    }
}

/// A fresh room with everybody in their place, and the path with its segments filled in.
async fn furnish(people: &[Person], target: &Person, is_public: bool, path: &str) -> (String, String) {
    let [_, _, banned, left, member, muted, admin, owner] = people else { panic!("eight") };
    let room =
        owner.makes(if is_public { "public" } else { "private" }, &[banned, left, member, muted, admin, target]).await;
    let members = format!("{room}/members");
    owner.put(&format!("{members}/{}", admin.id), json!({"role": "admin"})).await.is(200, "");
    owner.put(&format!("{members}/{}", muted.id), json!({"muted_until": "2030-01-01T00:00:00Z"})).await.is(200, "");
    owner.call("PUT", &format!("{room}/bans/{}", banned.id), &[], None).await.is(204, "");
    left.delete(&format!("{members}/me")).await.is(204, "");
    let seq = owner.says(&room, "nonce-0001", "x").await["seq"].to_string();
    let mut path = path.replace("{seq}", &seq).replace("{emoji}", "%F0%9F%91%8D").replace("{u}", &target.id);
    if path.contains("{id}") {
        let list = path.trim_end_matches("/{id}");
        let made = owner.post(&format!("{room}{list}"), json!({"name": "CI"})).await.json();
        path = path.replace("{id}", made["id"].as_str().unwrap());
    }
    if path == "/changes" {
        path += "?after=0";
    }
    (room, path)
}

#[test]
fn s3_the_matrix_has_every_route_that_names_a_room() {
    let mut served: Vec<_> = chat_web::rest::served().into_iter().filter(|(_, path)| path.contains("{r}")).collect();
    served.sort();
    let below = |path: &str| format!("/api/v1/rooms/{{r}}{}", path.replace("members/me", "members/{u}"));
    let mut tried: Vec<_> = routes().iter().map(|(method, path, ..)| ((*method).to_owned(), below(path))).collect();
    tried.sort();
    tried.dedup();
    let served: Vec<_> = served.into_iter().map(|(method, path)| (method, path.to_owned())).collect();
    assert_eq!(served, tried);
}

#[actix_web::test]
async fn s3_routes_without_a_room_ask_who_it_is() {
    let house = House::open().await;
    let open = ["/api/v1/accounts", "/api/v1/sessions/refresh", "/api/v1/meta", "/api/v1/hooks/{id}/{secret}"];
    let routes = chat_web::rest::served().into_iter().filter(|(_, path)| path.starts_with("/api/v1/"));
    for (method, path) in routes {
        let answer = house.call(&method, &path.replace(['{', '}'], ""), &[], b"").await;
        let is_open = open.contains(&path) || (method == "POST" && path == "/api/v1/sessions");
        assert_eq!(answer.status == 401, !is_open, "{method} {path}: {answer:?}");
    }
}
