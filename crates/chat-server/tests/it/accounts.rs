//! Accounts, names and passwords: registration, one's own profile, other people, the end of an account.

use serde_json::{Value, json};

use crate::harness::{App, Request, User, has, names, spawn_app};

async fn register(app: &App, body: Value) -> crate::harness::Reply {
    app.anonymous("POST", "/accounts", Some(body)).await
}

#[tokio::test]
async fn who_registers_is_told_the_user_and_may_sign_in() {
    let app = spawn_app().await;
    let user = register(
        &app,
        json!({"username": "Ada.L", "password": "analytical", "display_name": "Ada Lovelace", "else": {}}),
    )
    .await
    .is(201);
    assert_eq!(names(&user), "bot created_at deleted display_name id username");
    has(&user, json!({"username": "ada.l", "display_name": "Ada Lovelace", "bot": false, "deleted": false}));
    let id = user["id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{id}");
    assert_eq!(id, id.to_ascii_lowercase());
    let at = user["created_at"].as_str().unwrap();
    assert!(at.len() == "2026-01-01T00:00:00.000Z".len() && at.ends_with('Z'), "{at}");

    let signed = app
        .anonymous("POST", "/sessions", Some(json!({"username": "ADA.L", "password": "analytical", "device": "phone"})))
        .await
        .is(201);
    assert_eq!(names(&signed), "access_token expires_in refresh_token session token_type user");
    has(&signed, json!({"token_type": "Bearer", "expires_in": 900, "user": user}));
}

#[tokio::test]
async fn a_username_is_given_out_once_whatever_its_case() {
    let app = spawn_app().await;
    register(&app, json!({"username": "grace", "password": "compiler1"})).await.is(201);
    register(&app, json!({"username": "grace", "password": "compiler2"})).await.refuses(409, "username_taken");
    register(&app, json!({"username": "GRACE", "password": "compiler2"})).await.refuses(409, "username_taken");
}

#[tokio::test]
async fn u1_usernames_are_short_plain_and_not_reserved() {
    let app = spawn_app().await;
    let longest = "a".repeat(32);
    for (name, taken) in [("ab1", true), ("a-b", true), ("a_.-b", true), (longest.as_str(), true), ("0x0", true)] {
        let reply = register(&app, json!({"username": name, "password": "correct horse"})).await;
        assert_eq!(reply.status == 201, taken, "{name}");
    }
    let too_long = "a".repeat(33);
    for name in [
        "",
        " ",
        "a b",
        "-ab",
        "ab-",
        ".ab",
        "ab_",
        "ä-user",
        "аdmin",
        "a\u{200d}b",
        "a@b",
        "a/b",
        "a\nb",
        "a\0b",
        too_long.as_str(),
        "admin",
        "Administrator",
        "root",
        "system",
        "me",
        "current",
        "everyone",
        "here",
        "all",
        "room",
        "bot",
        "webhook",
        "deleted",
        "support",
    ] {
        register(&app, json!({"username": name, "password": "correct horse"})).await.refuses_field("/username");
    }
}

#[tokio::test]
async fn a2_a_password_has_8_to_71_bytes() {
    let app = spawn_app().await;
    for (username, password, fine) in [
        ("len7", "x7#kQp2".to_owned(), false),
        ("len8", "x7#kQp2z".to_owned(), true),
        ("len71", "kQ".repeat(35) + "z", true),
        ("len72", "kQ".repeat(36), false),
        // 36 characters of two bytes each.
        ("bytes72", "äö".repeat(18), false),
        ("bytes70", "äö".repeat(17) + "zz", true),
    ] {
        let reply = register(&app, json!({"username": username, "password": password})).await;
        match fine {
            true => {
                reply.is(201);
                User::signs_in(app.address(), username, &password).await;
            }
            false => {
                let code = reply.refuses_field("/password");
                assert_eq!(code, if username == "len7" { "too_short" } else { "too_long" }, "{username}");
            }
        }
    }
    // Never truncated: a longer one that begins like a stored one does not open it.
    let longer = "kQ".repeat(35) + "zz";
    app.anonymous("POST", "/sessions", Some(json!({"username": "len71", "password": longer})))
        .await
        .refuses(401, "bad_credentials");
}

#[tokio::test]
async fn a3_a_password_with_a_nul_is_refused() {
    let app = spawn_app().await;
    register(&app, json!({"username": "nul", "password": "kQ7#x2!p\0ijk"})).await.refuses_field("/password");
    register(&app, json!({"username": "nul", "password": "kQ7#x2!p"})).await.is(201);
    let reply =
        app.anonymous("POST", "/sessions", Some(json!({"username": "nul", "password": "kQ7#x2!p\0kQ7#x2!p"}))).await;
    assert!([401, 422].contains(&reply.status), "{}", reply.text());
}

#[tokio::test]
async fn a4_common_passwords_and_ones_own_name_are_refused_any_composition_is_fine() {
    let app = spawn_app().await;
    for (username, password) in [
        ("common1", "password"),
        ("common2", "12345678"),
        ("common3", "qwertyuiop"),
        ("common4", "iloveyou"),
        ("Margaret.H", "margaret.h"),
        ("margaret.h", "MARGARET.H"),
    ] {
        let code = register(&app, json!({"username": username, "password": password})).await.refuses_field("/password");
        assert_eq!(code, "too_common", "{password}");
    }
    for (username, password) in
        [("free1", "aaaaaaaaaaaaaaaaaaaaab"), ("free2", "только буквы"), ("free3", "        x"), ("free4", "🦀🦀🦀🦀")]
    {
        register(&app, json!({"username": username, "password": password})).await.is(201);
        User::signs_in(app.address(), username, password).await;
    }
    // The same rule holds for a change.
    let user = app.user("changer").await;
    let change = json!({"current": user.password, "new": "password1"});
    assert_eq!(user.put("/me/password", change).await.refuses_field("/new"), "too_common");
    let change = json!({"current": user.password, "new": user.username.to_uppercase()});
    assert_eq!(user.put("/me/password", change).await.refuses_field("/new"), "too_common");
}

#[tokio::test]
async fn u2_display_names_are_normalised_and_free_of_invisible_characters() {
    let app = spawn_app().await;
    let user = app.user("shown").await;
    let longest = "я".repeat(64);
    for (given, stored) in
        [("Zoe\u{308}", "Zo\u{eb}"), ("👩\u{200d}👩", "👩\u{200d}👩"), (longest.as_str(), longest.as_str()), ("x", "x")]
    {
        let me = user.patch("/me", json!({"display_name": given})).await.is(200);
        assert_eq!(me["display_name"], stored);
    }
    let too_long = "я".repeat(65);
    for name in [
        "",
        "   ",
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{200b}b",
        "a\u{200d}b",
        "a\u{feff}b",
        "a\u{7}b",
        "a\nb",
        "a\u{85}b",
        "\u{3000}",
        &too_long,
    ] {
        user.patch("/me", json!({"display_name": name})).await.refuses_field("/display_name");
        register(&app, json!({"username": "other", "password": "correct horse", "display_name": name}))
            .await
            .refuses_field("/display_name");
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_422_and_broken_json_is_400() {
    let app = spawn_app().await;
    for body in [
        json!({}),
        json!({"username": "x"}),
        json!({"username": 7, "password": "correct horse"}),
        json!([]),
        json!("text"),
        json!(null),
    ] {
        register(&app, body).await.refuses(422, "invalid_field");
    }
    for body in ["", "{", "{\"username\":\"a\",}", "{} {}", "{'a':1}", "\u{feff}{}"] {
        let request = Request::new("POST", "/api/v1/accounts").header("Content-Type", "application/json").body(body);
        request.send(app.address()).await.refuses(400, "bad_request");
    }
}

#[tokio::test]
async fn registration_can_be_closed() {
    let app = App::usual().set("AUTH__REGISTRATION", "closed").spawn().await;
    let body = json!({"username": "late", "password": "correct horse"});
    app.anonymous("POST", "/accounts", Some(body)).await.refuses(403, "registration_closed");
    assert_eq!(app.anonymous("GET", "/meta", None).await.is(200)["registration"], "closed");
}

#[tokio::test]
async fn ones_own_profile_has_a_validator_and_can_be_changed() {
    let app = spawn_app().await;
    let user = app.user("profile").await;
    let reply = user.get("/me").await;
    let etag = reply.header("etag").expect("an ETag").to_owned();
    let me = reply.is(200);
    assert_eq!(me["id"], user.id);
    let cached = user.request("GET", "/me").header("If-None-Match", &etag).send(app.address()).await;
    assert_eq!(cached.header("etag"), Some(etag.as_str()));
    assert_eq!((cached.status, cached.bytes.len()), (304, 0));
    let changed = user.patch("/me", json!({"display_name": "Somebody Else"})).await.is(200);
    assert_eq!(changed["display_name"], "Somebody Else");
    let fresh = user.request("GET", "/me").header("If-None-Match", &etag).send(app.address()).await;
    assert_ne!(fresh.header("etag"), Some(etag.as_str()));
    assert_eq!(fresh.is(200), changed);
    // Absent is unchanged.
    assert_eq!(user.patch("/me", json!({})).await.is(200), changed);
    user.patch("/me", json!({"display_name": 7})).await.refuses(422, "invalid_field");
}

#[tokio::test]
async fn people_are_found_by_id_by_ids_and_by_the_beginning_of_a_name() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let reply = alice.get(&format!("/users/{}", bob.id)).await;
    let etag = reply.header("etag").expect("an ETag").to_owned();
    let user = reply.is(200);
    has(&user, json!({"id": bob.id, "username": bob.username}));
    let path = format!("/users/{}", bob.id);
    assert_eq!(alice.request("GET", &path).header("If-None-Match", etag).send(app.address()).await.status, 304);

    let page = alice.get(&format!("/users?ids={},{},{}", bob.id, alice.id, uuid::Uuid::now_v7())).await.is(200);
    let mut found: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut wanted = [alice.id.as_str(), bob.id.as_str()];
    wanted.sort_unstable();
    assert_eq!(found, wanted);

    let page = alice.get(&format!("/users?q={}", &bob.username)).await.is(200);
    assert!(page["items"].as_array().unwrap().contains(&user), "{page}");
    assert!(page.as_object().unwrap().contains_key("next"));

    alice.get(&format!("/users/{}", uuid::Uuid::now_v7())).await.refuses(404, "not_found");
    alice.get("/users/nonsense").await.refuses(404, "not_found");
    let ids = |n: usize| vec![bob.id.as_str(); n].join(",");
    let many: Vec<String> = (0..101).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    alice.get(&format!("/users?ids={}", many.join(","))).await.refuses(400, "bad_request");
    assert_eq!(alice.get(&format!("/users?ids={}", ids(2))).await.is(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_the_other_sessions() {
    let app = spawn_app().await;
    let here = app.user("pw").await;
    let there = here.again().await;
    let mut socket = there.connects().await;
    let mut own = here.connects().await;
    let wrong = json!({"current": "not the password", "new": "another good one"});
    here.put("/me/password", wrong).await.refuses(403, "bad_credentials");
    here.put("/me/password", json!({"current": here.password, "new": "short"})).await.refuses_field("/new");
    here.put("/me/password", json!({"current": here.password, "new": "another good one"})).await.is(204);
    assert_eq!(socket.closed_within(std::time::Duration::from_secs(5)).await, 4403);
    own.done(json!({"type": "ping"})).await;
    here.get("/me").await.is(200);
    app.anonymous("POST", "/sessions/refresh", Some(json!({"refresh_token": there.refresh})))
        .await
        .refuses(401, "session_revoked");
    app.anonymous("POST", "/sessions", Some(json!({"username": here.username, "password": here.password})))
        .await
        .refuses(401, "bad_credentials");
    User::signs_in(app.address(), &here.username, "another good one").await;
}

#[tokio::test]
async fn a_deleted_user_keeps_id_and_messages_and_loses_names_and_sessions() {
    let app = spawn_app().await;
    let (alice, bob) = (app.user("alice").await, app.user("leaver").await);
    let room = alice.creates_room("remembered").await;
    bob.joins(&room).await;
    let said = bob.posts(&room, "I was here").await;
    let mut socket = bob.connects().await;
    let mut watcher = alice.connects().await;
    watcher.subscribes(&room).await;

    let wrong = bob.request("DELETE", "/me").json(&json!({"password": "not it at all"})).send(app.address()).await;
    wrong.refuses(403, "bad_credentials");
    bob.request("DELETE", "/me").json(&json!({"password": bob.password})).send(app.address()).await.is(204);

    assert_eq!(socket.closed_within(std::time::Duration::from_secs(5)).await, 4403);
    has(&watcher.event(&room, "member").await["data"], json!({"user": bob.id, "in": false}));
    assert_eq!(bob.get("/me").await.status, 401);
    let user = alice.get(&format!("/users/{}", bob.id)).await.is(200);
    has(&user, json!({"id": bob.id, "deleted": true}));
    assert!(!user.to_string().contains(&bob.username), "{user}");
    let kept = alice.get(&format!("/rooms/{room}/messages/{}", said["seq"])).await.is(200);
    has(&kept, json!({"author": bob.id, "text": "I was here", "deleted": false}));
    app.anonymous("POST", "/sessions", Some(json!({"username": bob.username, "password": bob.password})))
        .await
        .refuses(401, "bad_credentials");
    register(&app, json!({"username": bob.username, "password": "correct horse"})).await.refuses(409, "username_taken");
    let page = alice.get(&format!("/users?q={}", bob.username)).await.is(200);
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn the_rooms_of_a_deleted_owner_pass_to_the_senior_admin_else_member() {
    let app = spawn_app().await;
    let (owner, early, admin) = (app.user("owner").await, app.user("early").await, app.user("admin-x").await);
    let with_admin = owner.creates_room("with admin").await;
    let without = owner.creates_room("without").await;
    for room in [&with_admin, &without] {
        early.joins(room).await;
        admin.joins(room).await;
    }
    owner.makes(&with_admin, &admin, "admin").await;
    owner.request("DELETE", "/me").json(&json!({"password": owner.password})).send(app.address()).await.is(204);
    for (room, heir) in [(&with_admin, &admin), (&without, &early)] {
        let members = heir.get(&format!("/rooms/{room}/members")).await.is(200);
        let of =
            |user: &User| members["items"].as_array().unwrap().iter().find(|member| member["user"] == user.id).cloned();
        assert_eq!(of(heir).unwrap()["role"], "owner", "{members}");
        assert!(of(&owner).is_none_or(|member| member["in"] == false), "{members}");
        heir.patch(&format!("/rooms/{room}"), json!({"name": "mine now"})).await.is(200);
    }
}
