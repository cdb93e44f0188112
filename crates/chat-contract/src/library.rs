//! A hundred thousand messages in several languages, and what searching among them must be: complete, quick, and silent to
//! strangers. For release builds; `just prove-search` runs it.

#![allow(clippy::print_stdout, reason = "a proof shows its figures")]

use std::time::{Duration, Instant};

use chat_domain::{
    command::Action,
    ids::{RoomId, Seq, UserId},
    pages::PageOf,
    words::Query,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::world::{World, draft};

/// Messages of the library.
pub const MESSAGES: usize = 105_000;
const ROOMS: usize = 1_000;
/// Within so long 95 of 100 first pages come.
const PROMPT: Duration = Duration::from_millis(50);
/// Questions of a kind.
const QUESTIONS: usize = 40;
/// Questions of which every answer is compared with what it should be.
const COMPARED: usize = 4;
const PAGE: usize = 50;

const ENGLISH: &str = "the deploy of build server failed in staging again please check logs before release tomorrow morning \
    customer reported latency spike database migration rollback schedule meeting notes about performance";
const GERMAN: &str = "die Straße über Brücken führt nach Übersee größere Änderungen müssen überprüft werden morgen früh \
    Besprechung Zusammenfassung Verbesserungsvorschläge";
const RUSSIAN: &str = "завтра утром собрание о производительности базы данных пожалуйста проверьте журналы перед выпуском ошибка \
    сервера повторилась французских булок ещё обновление отложено";
const CHINESE: &str =
    "明天 上午 我们 在 北京 开会 讨论 数据库 性能 问题 请 检查 日志 服务器 错误 再次 出现 版本 发布 推迟";
const JAPANESE: &str =
    "明日は 東京都で 会議が あります サーバーの エラーを 確認して ください データベース 性能 リリース 延期";
const KOREAN: &str =
    "내일 아침 서울에서 회의가 있습니다 데이터베이스 성능 문제를 확인해 주세요 서버 오류가 다시 발생했습니다";
const THAI: &str = "พรุ่งนี้ เช้า มี ประชุม เรื่อง ฐานข้อมูล กรุณา ตรวจสอบ เซิร์ฟเวอร์ ข้อผิดพลาด";

/// A language, and whether there are blanks between its words.
const LANGUAGES: [(&str, bool); 7] = [
    (ENGLISH, true),
    (RUSSIAN, true),
    (GERMAN, true),
    (CHINESE, false),
    (JAPANESE, false),
    (KOREAN, true),
    (THAI, false),
];

/// Who reads, and everything that was said.
pub struct Library {
    author: UserId,
    /// In every room.
    everybody: UserId,
    /// In one of a thousand.
    hermit: UserId,
    /// In none.
    stranger: UserId,
    rooms: Vec<RoomId>,
    said: Vec<(RoomId, Seq, String)>,
    random: StdRng,
}

fn sentence(random: &mut StdRng, number: usize) -> String {
    let (words, has_blanks) = LANGUAGES[number % LANGUAGES.len()];
    let words: Vec<&str> = words.split_whitespace().collect();
    let some: Vec<&str> = (0..random.random_range(4..14)).map(|_| *words.choose(random).unwrap()).collect();
    let mut text = some.join(if has_blanks { " " } else { "" });
    if number.is_multiple_of(10) || random.random_range(0..10) < 2 {
        text.push_str(" common");
    }
    match number % 5 {
        0 => text.push_str(&format!(" CHAT-{number}")),
        1 => text.push_str(&format!(
            " https://example.org/{}/issue-{number}?ref={:08x}#c",
            number % 7,
            random.random::<u32>()
        )),
        2 => text.push_str(&format!(" user_{:06x}@mail-{}.example", random.random::<u32>() & 0xff_ffff, number % 9)),
        _ => {}
    }
    text
}

impl Library {
    /// Posts them all.
    pub async fn fill(w: &World) -> Self {
        let [author, everybody, hermit, stranger] = w.users(["author", "everybody", "hermit", "stranger"]).await;
        let mut rooms = Vec::with_capacity(ROOMS);
        for number in 0..ROOMS {
            let people = if number == 0 { vec![author, everybody, hermit] } else { vec![author, everybody] };
            rooms.push(w.room(&format!("room {number}"), &people).await);
        }
        let (said, random) = (Vec::with_capacity(MESSAGES), StdRng::seed_from_u64(7));
        let mut library = Self { author, everybody, hermit, stranger, rooms, said, random };
        library.post(w, MESSAGES).await;
        library
    }

    /// Posts more.
    pub async fn post(&mut self, w: &World, count: usize) {
        let texts: Vec<(RoomId, String)> = (self.said.len()..self.said.len() + count)
            .map(|number| (self.rooms[number % ROOMS], sentence(&mut self.random, number)))
            .collect();
        for texts in texts.chunks(500) {
            let posts = texts.iter().map(|(room, text)| (self.author, *room, Action::Post(draft(text)))).collect();
            for (outcome, (room, text)) in w.batch(posts).await.into_iter().zip(texts) {
                self.said.push((*room, outcome.unwrap().events[0].seq, text.clone()));
            }
        }
    }

    /// A few characters in a row of something that was said.
    fn cut(&mut self, chars: usize, is_wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let (_, _, text) = &self.said[self.random.random_range(0..self.said.len())];
            let all: Vec<char> = text.chars().collect();
            let at = self.random.random_range(0..all.len());
            let piece: String = all[at..].iter().take(chars).collect();
            if piece.chars().count() == chars && is_wanted(&piece) {
                return piece;
            }
        }
    }

    fn questions(&mut self, kind: &str) -> Vec<String> {
        let is_cjk = |c: char| ('\u{3040}'..='\u{9FFF}').contains(&c) || ('\u{AC00}'..='\u{D7A3}').contains(&c);
        let is_cyrillic = |c: char| ('\u{400}'..='\u{4FF}').contains(&c);
        let mut asked = Vec::new();
        for turn in 0..QUESTIONS {
            let number = self.random.random_range(0..self.said.len() / 5) * 5;
            asked.push(match kind {
                "ticket ids" => format!("chat-{number}"),
                "parts with hyphens" => format!("at-{}", number / 10),
                "URLs" => {
                    let text = self.said[number + 1].2.clone();
                    text.split_whitespace().last().unwrap().to_owned()
                }
                "parts of URLs" => format!("/issue-{}?ref", number + 1),
                "parts of words" => self.cut(5, |piece| piece.chars().all(char::is_alphabetic)),
                "three characters" => self.cut(3, |piece| !piece.contains(char::is_whitespace) && !piece.contains('"')),
                "Cyrillic" => self.cut(6, |piece| piece.chars().all(is_cyrillic)).to_uppercase(),
                "CJK, two characters" => self.cut(2, |piece| piece.chars().all(is_cjk)),
                "CJK, four characters" => self.cut(4, |piece| piece.chars().all(is_cjk)),
                "CJK, one character" => self.cut(1, |piece| piece.chars().all(is_cjk)),
                "short words" => ["in", "of", "о", "im", "7"][turn % 5].to_owned(),
                "several terms" => format!("{} common", self.cut(4, |piece| piece.chars().all(char::is_alphabetic))),
                "phrases" => format!("\"{}\"", self.cut(12, |piece| !piece.contains('"') && piece.trim() == piece)),
                "in three of ten messages" => "common".to_owned(),
                "nowhere" => format!("zqxj{turn:04}"),
                "nowhere, of common parts" => {
                    ["deployserver", "issue-chat", "commoncommon", "серверабазы", "example.orgchat"][turn % 5]
                        .to_owned()
                }
                other => panic!("{other}"),
            });
        }
        asked
    }

    /// What must be found, the newest first.
    fn expected(&self, reader: UserId, query: &Query) -> Vec<(RoomId, Seq)> {
        let is_in = |room: &RoomId| reader == self.everybody || (reader == self.hermit && *room == self.rooms[0]);
        let found = self.said.iter().rev().filter(|(room, _, text)| is_in(room) && query.matches(text));
        found.map(|(room, seq, _)| (*room, *seq)).collect()
    }

    /// Asks everything of everybody, prints what it was like, and fails when it was not as it must be.
    pub async fn prove(&mut self, w: &World, store: &str) {
        println!("{store}, {} messages          recall    p50 ms  p95 ms  max ms", self.said.len());
        let mut slow = Vec::new();
        for kind in KINDS {
            let asked = self.questions(kind);
            for (who, reader) in
                [("in all rooms", self.everybody), ("in one room", self.hermit), ("stranger", self.stranger)]
            {
                let mut took = Vec::with_capacity(asked.len());
                let (mut wanted, mut got) = (0, 0);
                for (turn, words) in asked.iter().enumerate() {
                    let query = Query::parse(words).unwrap();
                    let begun = Instant::now();
                    let page =
                        w.stores.log.find(reader, &query, None, PageOf { after: None, limit: PAGE }).await.unwrap();
                    took.push(begun.elapsed());
                    assert!(reader != self.stranger || (page.items.is_empty() && page.next.is_none()), "{words}");
                    if turn < COMPARED && reader != self.stranger {
                        let expected = self.expected(reader, &query);
                        let found = self.all(w, reader, &query).await;
                        wanted += expected.len();
                        got += expected.iter().filter(|one| found.contains(one)).count();
                        assert_eq!(found[..], expected[..found.len()], "{kind}, {who}: {words}");
                    }
                }
                took.sort_unstable();
                let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)];
                let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
                let share = if wanted == 0 { "-".to_owned() } else { format!("{got}/{wanted}") };
                println!(
                    "{kind:>26}, {who:<12} {share:>12} {:>7.1} {:>7.1} {:>7.1}",
                    ms(at(50)),
                    ms(at(95)),
                    ms(at(100))
                );
                assert_eq!(got, wanted, "{kind}, {who}");
                if at(95) >= PROMPT {
                    slow.push(format!("{kind}, {who}: {:?}", at(95)));
                }
            }
        }
        assert!(slow.is_empty(), "p95 of {PROMPT:?} or more: {slow:#?}");
    }

    /// All pages.
    async fn all(&self, w: &World, reader: UserId, query: &Query) -> Vec<(RoomId, Seq)> {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = w.stores.log.find(reader, query, None, PageOf { after, limit: 100 }).await.unwrap();
            found.extend(page.items.iter().map(|message| (message.room, message.seq)));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }
}

const KINDS: [&str; 16] = [
    "ticket ids",
    "parts with hyphens",
    "URLs",
    "parts of URLs",
    "parts of words",
    "three characters",
    "Cyrillic",
    "CJK, one character",
    "CJK, two characters",
    "CJK, four characters",
    "short words",
    "several terms",
    "phrases",
    "in three of ten messages",
    "nowhere",
    "nowhere, of common parts",
];
