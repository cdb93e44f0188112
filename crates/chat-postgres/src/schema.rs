//! The tables as diesel sees them; the truth is `migrations/postgres`. Only columns that the code names are listed.

diesel::table! {
    meta (singleton) {
        singleton -> Bool,
        epoch -> Text,
        filling -> Bool,
        readable_since -> Text,
    }
}

diesel::table! {
    searching (singleton) {
        singleton -> Bool,
        filled -> Bool,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
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
        id -> Uuid,
        #[sql_name = "user_id"]
        user -> Uuid,
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
        session -> Uuid,
    }
}

diesel::table! {
    rooms (id) {
        id -> Uuid,
        rev -> BigInt,
        kind -> BigInt,
        name -> Nullable<Text>,
        name_folded -> Nullable<Text>,
        topic -> Nullable<Text>,
        topic_folded -> Nullable<Text>,
        slow_mode_s -> BigInt,
        created_at -> BigInt,
        pins -> Array<BigInt>,
        archived -> Bool,
        head -> BigInt,
        floor -> BigInt,
        deleted_at -> Nullable<BigInt>,
        pair_a -> Nullable<Uuid>,
        pair_b -> Nullable<Uuid>,
        creator -> Nullable<Uuid>,
        nonce -> Nullable<Text>,
        fingerprint -> Nullable<Binary>,
    }
}

diesel::table! {
    members (room, user) {
        room -> Uuid,
        #[sql_name = "user_id"]
        user -> Uuid,
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
        room -> Uuid,
        seq -> BigInt,
        rev -> BigInt,
        author -> Uuid,
        at -> BigInt,
        text -> Nullable<Text>,
        reply_to -> Nullable<BigInt>,
        mentions -> Nullable<Array<Uuid>>,
        mentions_room -> Bool,
        reactions -> Nullable<Text>,
        edited_at -> Nullable<BigInt>,
        deleted -> Bool,
        nonce -> Nullable<Text>,
        fingerprint -> Binary,
    }
}

diesel::table! {
    reactions (room, seq, emoji, user) {
        room -> Uuid,
        seq -> BigInt,
        emoji -> Text,
        #[sql_name = "user_id"]
        user -> Uuid,
    }
}

diesel::table! {
    invites (id) {
        id -> Uuid,
        room -> Uuid,
        by -> Uuid,
        code -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        max_uses -> Nullable<BigInt>,
        uses -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Uuid,
        room -> Uuid,
        name -> Text,
        bot -> Uuid,
        by -> Uuid,
        secret -> Binary,
        created_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(meta, users, members, rooms);
