//! The tables as diesel sees them; the truth is `migrations/sqlite`. Only columns that the code names are listed.

diesel::table! {
    meta (only) {
        only -> BigInt,
        epoch -> Text,
        filling -> Bool,
        backup -> Bool,
        readable_since -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Binary,
        username -> Nullable<Text>,
        reserved -> Nullable<Text>,
        display_name -> Nullable<Text>,
        words -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        bot -> Bool,
        deleted_at -> Nullable<BigInt>,
        created_at -> BigInt,
        me_seq -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        user -> Binary,
        device -> Nullable<Text>,
        created_at -> BigInt,
        refreshed_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        current -> Binary,
        previous -> Nullable<Binary>,
    }
}

diesel::table! {
    spent_tokens (digest) {
        digest -> Binary,
        session -> Binary,
    }
}

diesel::table! {
    rooms (id) {
        id -> Binary,
        rev -> BigInt,
        kind -> BigInt,
        name -> Nullable<Text>,
        name_folded -> Nullable<Text>,
        topic -> Nullable<Text>,
        topic_folded -> Nullable<Text>,
        slow_mode_s -> BigInt,
        created_at -> BigInt,
        pins -> Text,
        archived -> Bool,
        head -> BigInt,
        floor -> BigInt,
        deleted_at -> Nullable<BigInt>,
        pair_a -> Nullable<Binary>,
        pair_b -> Nullable<Binary>,
        creator -> Nullable<Binary>,
        nonce -> Nullable<Text>,
        fingerprint -> Nullable<Binary>,
    }
}

diesel::table! {
    members (room, user) {
        room -> Binary,
        user -> Binary,
        rev -> BigInt,
        role -> BigInt,
        is_in -> Bool,
        muted_until -> Nullable<BigInt>,
        banned -> Bool,
        joined_at -> Nullable<BigInt>,
        read_seq -> BigInt,
        posted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    messages (room, seq) {
        room -> Binary,
        seq -> BigInt,
        rev -> BigInt,
        author -> Binary,
        at -> BigInt,
        text -> Nullable<Text>,
        reply_to -> Nullable<BigInt>,
        mentions -> Text,
        mentions_room -> Bool,
        reactions -> Text,
        edited_at -> Nullable<BigInt>,
        deleted -> Bool,
        nonce -> Nullable<Text>,
        fingerprint -> Binary,
        place -> Nullable<BigInt>,
    }
}

diesel::table! {
    pieces (rowid) {
        rowid -> BigInt,
        piece -> Text,
    }
}

diesel::table! {
    searching (only) {
        only -> BigInt,
        upto -> BigInt,
    }
}

diesel::table! {
    mentions (user, room, seq) {
        user -> Binary,
        room -> Binary,
        seq -> BigInt,
    }
}

diesel::table! {
    reactions (room, seq, emoji, user) {
        room -> Binary,
        seq -> BigInt,
        emoji -> Text,
        user -> Binary,
    }
}

diesel::table! {
    invites (id) {
        id -> Binary,
        room -> Binary,
        by -> Binary,
        code -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        max_uses -> Nullable<BigInt>,
        uses -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Binary,
        room -> Binary,
        name -> Text,
        bot -> Binary,
        by -> Binary,
        secret -> Binary,
        created_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(users, members, rooms);
