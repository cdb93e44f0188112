//! Bytes that break RFC 6455, or come too slowly, or declare what never comes.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{App, PATIENCE, Request, Socket, Upgrade, User, spawn_app, within};

/// One masked frame with a mask of zeros, so that its payload is readable here.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// A connection that is past `ready`, in bytes.
async fn greeted(app: &App, user: &User) -> TcpStream {
    let (mut stream, _) = Upgrade::new(app.address()).shake().await.unwrap();
    let auth = json!({"type": "auth", "id": 1, "token": user.access}).to_string();
    stream.write_all(&frame(0x81, auth.as_bytes())).await.unwrap();
    let (opcode, payload) = within(PATIENCE, "ready", read_frame(&mut stream)).await.unwrap();
    assert!(opcode == 1 && String::from_utf8_lossy(&payload).contains("\"ready\""));
    stream
}

/// One frame of the server's: unmasked, whole.
async fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    assert_eq!(first & 0xf0, 0x80, "a whole frame without reserved bits");
    let second = stream.read_u8().await.ok()?;
    assert_eq!(second & 0x80, 0, "servers do not mask");
    let length = match second {
        126 => usize::from(stream.read_u16().await.ok()?),
        127 => usize::try_from(stream.read_u64().await.ok()?).unwrap(),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    Some((first & 0x0f, payload))
}

/// The code of the server's close, and how long the connection lived on after it.
async fn close_code(stream: &mut TcpStream, wait: Duration) -> (Option<u16>, Duration) {
    within(wait, "a close", async {
        let mut code = None;
        let mut closed = Instant::now();
        while let Some((opcode, payload)) = read_frame(stream).await {
            if opcode == 8 {
                code = Some(u16::from_be_bytes([payload[0], payload[1]]));
                closed = Instant::now();
            }
        }
        (code, closed.elapsed())
    })
    .await
}

#[tokio::test]
async fn t7_frames_that_break_the_protocol_end_the_socket_with_1002_within_a_second() {
    let app = spawn_app().await;
    let user = app.user("broken").await;
    let mut unmasked = vec![0x81, 2];
    unmasked.extend(b"{}");
    let mut reserved_length = vec![0x81, 0xff];
    reserved_length.extend(u64::MAX.to_be_bytes());
    reserved_length.extend([0; 4]);
    let cases = [
        ("unmasked", unmasked),
        ("RSV1", frame(0xc1, b"{}")),
        ("RSV2", frame(0xa1, b"{}")),
        ("RSV3", frame(0x91, b"{}")),
        ("a fragmented ping", frame(0x09, b"x")),
        ("a fragmented close", frame(0x08, &1000_u16.to_be_bytes())),
        ("a ping of 126 bytes", frame(0x89, &[b'x'; 126])),
        ("opcode 3", frame(0x83, b"x")),
        ("opcode 7", frame(0x87, b"x")),
        ("opcode 11", frame(0x8b, b"x")),
        ("a new text inside fragments", [frame(0x01, b"{"), frame(0x81, b"}")].concat()),
        ("a continuation of nothing", frame(0x80, b"x")),
        ("a close of one byte", frame(0x88, b"x")),
        ("a close with a code nobody may use", frame(0x88, &1005_u16.to_be_bytes())),
    ];
    for (what, bytes) in cases {
        let mut stream = greeted(&app, &user).await;
        stream.write_all(&bytes).await.unwrap();
        let (code, lived) = close_code(&mut stream, PATIENCE).await;
        assert_eq!(code, Some(1002), "{what}");
        assert!(lived < Duration::from_secs(1), "{what}: {lived:?} between close and end");
    }
    // The same before anybody has said who they are.
    let (mut stream, _) = Upgrade::new(app.address()).shake().await.unwrap();
    stream.write_all(&frame(0xc1, b"{}")).await.unwrap();
    assert_eq!(close_code(&mut stream, PATIENCE).await.0, Some(1002));
    assert!(app.log().lines().filter(|line| line.contains("1002")).count() >= 14, "one line in the log for each");
}

#[tokio::test]
async fn t8_invalid_utf8_ends_the_socket_with_1007() {
    let app = spawn_app().await;
    let user = app.user("utf8").await;
    let cases: [Vec<u8>; 5] = [
        frame(0x81, b"{\"type\":\"\xff\"}"),
        frame(0x81, b"\xed\xa0\x80"),
        frame(0x81, b"\xc0\xaf"),
        [frame(0x01, b"{\"a\":\"\xe2\x82"), frame(0x80, b"\x28\"}")].concat(),
        frame(0x81, b"\xf4\x90\x80\x80"),
    ];
    for bytes in cases {
        let mut stream = greeted(&app, &user).await;
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(close_code(&mut stream, PATIENCE).await.0, Some(1007), "{bytes:?}");
    }
    // A scalar may be cut in two by fragments.
    let mut stream = greeted(&app, &user).await;
    let ping = "{\"type\":\"ping\",\"id\":7,\"x\":\"€\"}".as_bytes();
    let cut = ping.len() - 4;
    stream
        .write_all(&[frame(0x01, &ping[..cut]), frame(0x89, b"between"), frame(0x80, &ping[cut..])].concat())
        .await
        .unwrap();
    assert_eq!(within(PATIENCE, "pong", read_frame(&mut stream)).await.unwrap(), (10, b"between".to_vec()));
    let (_, answer) = within(PATIENCE, "pong", read_frame(&mut stream)).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("\"pong\""));
}

#[tokio::test]
async fn t9_a_declared_length_over_the_limit_is_refused_before_it_is_buffered() {
    let app = spawn_app().await;
    let user = app.user("declared").await;
    greeted(&app, &user).await;
    let before = app.memory();
    for is_known in [false, true] {
        let mut stream =
            if is_known { greeted(&app, &user).await } else { Upgrade::new(app.address()).shake().await.unwrap().0 };
        let mut head = vec![0x81, 0xff];
        head.extend((1_u64 << 40).to_be_bytes());
        head.extend([0; 4]);
        stream.write_all(&head).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let flood = tokio::spawn(async move {
            let block = vec![b'x'; 65_536];
            // 100 MiB, unless the server ends it.
            for _ in 0..1_600 {
                if writing.write_all(&block).await.is_err() {
                    break;
                }
            }
        });
        let mut answer = Vec::new();
        within(PATIENCE, "the end", async {
            let _ = reading.read_to_end(&mut answer).await;
        })
        .await;
        within(PATIENCE, "the flood's end", flood).await.unwrap();
        assert!(answer.windows(2).any(|two| two == 1009_u16.to_be_bytes()), "no 1009 in {answer:?}");
    }
    let grown = app.memory().saturating_sub(before);
    assert!(grown < 4 << 20, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn a_message_may_have_64_kib_and_no_byte_more() {
    let app = spawn_app().await;
    let user = app.user("largest").await;
    let padded = |bytes: usize| {
        let bare = json!({"type": "ping", "id": 7, "pad": ""}).to_string();
        bare.replace("\"pad\":\"\"", &format!("\"pad\":\"{}\"", "p".repeat(bytes - bare.len())))
    };
    let mut socket = user.connects().await;
    socket.says(padded(65_536)).await;
    assert_eq!(socket.answer(7, "ping").await["type"], "pong");
    socket.says(padded(65_537)).await;
    assert_eq!(socket.closed().await, 1009);
    // Put together from fragments that are small enough each.
    let mut stream = greeted(&app, &user).await;
    stream.write_all(&[frame(0x01, &[b'x'; 40_000]), frame(0x80, &[b'x'; 40_000])].concat()).await.unwrap();
    assert_eq!(close_code(&mut stream, PATIENCE).await.0, Some(1009));
}

#[tokio::test]
async fn t10_fragments_that_never_end_are_cut_off_and_cost_no_memory() {
    let app = App::usual().set("LIMITS__FRAGMENT_SECONDS", 2).spawn().await;
    let user = app.user("fragments").await;
    let mut stream = greeted(&app, &user).await;
    let begun = Instant::now();
    let (mut reading, mut writing) = stream.into_split();
    let drip = tokio::spawn(async move {
        let mut first = 0x01;
        while writing.write_all(&frame(first, b"x")).await.is_ok() {
            first = 0x00;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = Vec::new();
    within(PATIENCE, "the end", async {
        let _ = reading.read_to_end(&mut answer).await;
    })
    .await;
    assert!(answer.windows(2).any(|two| two == 1002_u16.to_be_bytes()), "{answer:?}");
    assert!(
        (Duration::from_millis(1_800)..Duration::from_millis(3_500)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
    within(PATIENCE, "the drip's end", drip).await.unwrap();

    stream = greeted(&app, &user).await;
    let before = app.memory();
    let many = frame(0x00, b"").repeat(10_000);
    let _ = stream.write_all(&frame(0x01, b"")).await;
    for _ in 0..20 {
        if stream.write_all(&many).await.is_err() {
            break;
        }
    }
    let grown = app.memory().saturating_sub(before);
    assert!(grown < 4 << 20, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn t11_a_binary_message_ends_the_socket_with_1003() {
    let app = spawn_app().await;
    let user = app.user("binary").await;
    let mut socket = user.connects().await;
    socket.sends_message(Message::binary(b"{}".to_vec())).await;
    assert_eq!(socket.closed().await, 1003);
    let mut socket = Socket::open(app.address()).await;
    socket.sends_message(Message::binary(b"{}".to_vec())).await;
    assert_eq!(socket.closed().await, 1003);
}

#[tokio::test]
async fn t12_half_a_head_and_half_a_body_are_timed_out() {
    let app = App::usual().set("LIMITS__HEADER_SECONDS", 1).set("LIMITS__BODY_SECONDS", 2).spawn().await;
    let until_end = async |bytes: &[u8], drip: bool| {
        let mut stream = TcpStream::connect(app.address()).await.unwrap();
        let begun = Instant::now();
        stream.write_all(bytes).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let dripping = tokio::spawn(async move {
            while drip && writing.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            std::future::pending::<()>().await;
        });
        let mut answer = Vec::new();
        within(PATIENCE, "a time-out", async {
            let _ = reading.read_to_end(&mut answer).await;
        })
        .await;
        dripping.abort();
        (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
    };
    let (answer, took) = until_end(b"GET /api/v1/meta HTTP/1.1\r\nHost: x\r\nX-Half", false).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    let head =
        "POST /api/v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    let (answer, took) = until_end(head.as_bytes(), true).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"timeout\""), "{answer:?}");
    assert!((Duration::from_millis(1_500)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn t14_hostile_json_ends_the_socket_with_4400() {
    let app = spawn_app().await;
    let user = app.user("hostile").await;
    let deep =
        |depth: usize| format!("{{\"type\":\"ping\",\"id\":7,\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for text in [
        deep(10_000),
        deep(16),
        "{\"type\":\"ping\",\"id\":7,\"id\":8}".to_owned(),
        "{\"type\":\"ping\",\"id\":7,\"x\":{\"a\":1,\"a\":2}}".to_owned(),
        "{\"type\":\"ping\",\"id\":7,\"x\":1e400}".to_owned(),
        "{\"type\":\"ping\",\"id\":7,\"x\":\"\\ud800\"}".to_owned(),
        "{\"type\":\"ping\",\"id\":7,\"x\":\"\\udc00\\ud800\"}".to_owned(),
        "{\"type\":\"ping\",\"id\":7}{".to_owned(),
        "[{\"type\":\"ping\",\"id\":7}]".to_owned(),
        "null".to_owned(),
        String::new(),
        "ping".to_owned(),
    ] {
        let mut socket = user.connects().await;
        socket.says(text.clone()).await;
        assert_eq!(socket.closed().await, 4400, "{}", text.chars().take(80).collect::<String>());
        assert_eq!(socket.bye()["reconnect"], false);
    }
    let mut socket = user.connects().await;
    socket.says(deep(15)).await;
    assert_eq!(socket.answer(7, "ping").await["type"], "pong");
    // The server's work goes on for others.
    Request::new("GET", "/healthz").send(app.address()).await;
}

#[tokio::test]
async fn a_client_that_closes_is_answered_with_its_own_code() {
    let app = spawn_app().await;
    let user = app.user("closes").await;
    for (payload, code) in [
        (1000_u16.to_be_bytes().to_vec(), 1000),
        (1001_u16.to_be_bytes().to_vec(), 1001),
        (4000_u16.to_be_bytes().to_vec(), 4000),
    ] {
        let mut stream = greeted(&app, &user).await;
        stream.write_all(&frame(0x88, &payload)).await.unwrap();
        let (answer, lived) = close_code(&mut stream, PATIENCE).await;
        assert_eq!(answer, Some(code));
        assert!(lived < Duration::from_secs(2), "{lived:?}");
    }
    // A connection that just breaks off is forgotten.
    drop(greeted(&app, &user).await);
    crate::harness::eventually("nobody is connected", async || {
        app.metric("chat_websocket_connections", &[]).await == 0.0
    })
    .await;
}
