//! The list of clauses of the record, and the macros that make one test of each for an adapter.

/// One test per clause of the record's ports. `fresh` is the path of an `async fn() -> impl Fixture`.
#[macro_export]
macro_rules! contract {
    ($fresh:path) => {
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] accounts:
            an_account_is_found_by_its_name_and_id
            nobody_is_found_where_there_is_nobody
            a_username_is_given_out_once
            a_deleted_users_name_stays_taken
            users_come_each_once_deleted_ones_included
            search_finds_starts_of_usernames_and_of_words_of_display_names_without_case
            search_takes_every_character_as_it_is
            search_pages_by_username
            another_display_name_comes_with_a_numbered_hint
            rehash_replaces_only_the_hash_it_saw
            a_new_password_ends_the_other_sessions_of_that_user_alone
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] departures:
            a_deleted_user_loses_names_and_keeps_the_id
            a_deleted_users_sessions_end
            a_deleted_user_leaves_every_room_with_a_member_change
            the_senior_admin_inherits_an_owners_room
            without_admins_the_senior_member_inherits
            a_deleted_user_may_do_nothing_any_more
            nobody_adds_or_bans_a_deleted_user
            a_pair_keeps_its_room_when_one_of_it_is_deleted
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] sessions:
            a_sign_in_is_listed_with_its_times_and_device
            nobody_signs_in_to_a_deleted_account
            nobody_signs_in_by_a_password_that_was_replaced_meanwhile
            sessions_are_listed_oldest_first_in_pages
            a_refresh_token_leads_to_its_user_and_session
            a_rotation_moves_the_end_of_the_session
            an_unknown_token_is_unknown
            an_expired_token_is_unknown
            r1_the_old_token_again_drops_the_unused_successor
            r2_a_token_whose_successor_was_used_ends_the_session
            r2_holds_however_long_the_chain_has_grown
            a_session_ends_once_and_only_by_its_user
            all_but_one_session_of_a_user_end
            ended_sessions_are_told_from_that_moment_on
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] batches:
            a_room_begins_with_itself_and_its_people_at_one
            numbers_of_a_room_have_no_holes
            answers_stand_in_the_places_of_their_commands
            an_empty_batch_is_answered
            a_refused_command_changes_nothing_and_spoils_no_other
            a_command_sees_what_those_before_it_in_the_batch_did
            one_batch_makes_a_room_and_talks_in_it_and_closes_it
            a_change_that_changes_nothing_takes_no_number
            hints_are_numbered_per_user_without_holes
            the_outcome_of_a_change_is_what_readers_find
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] nonces:
            a_retry_returns_the_first_result
            n2_one_nonce_in_one_batch_posts_once
            n2_one_nonce_in_parallel_posts_once
            a_retry_is_answered_to_the_muted
            a_retry_is_answered_in_slow_mode
            a_retry_is_answered_to_the_kicked
            a_retry_is_answered_to_the_banned
            a_retry_is_answered_in_an_archived_room
            a_retry_after_an_edit_returns_the_edited
            a_retry_after_a_deletion_returns_the_tombstone
            a_retry_in_a_closed_room_is_not_found
            n3_other_content_under_a_nonce_is_a_conflict
            a_nonce_belongs_to_its_author_and_room
            without_a_nonce_the_same_text_is_posted_again
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] creating:
            asking_again_under_a_nonce_makes_no_second_room
            a_replay_returns_the_room_as_it_is_now
            other_content_under_a_rooms_nonce_is_a_conflict
            two_creations_under_one_nonce_in_one_batch_make_one_room
            a_pair_has_one_direct_room
            a_pairs_members_are_equal
            a_nonce_is_looked_up_before_the_pair
            closing_frees_the_nonce
            nobody_makes_a_room_with_people_who_are_not
            a_closed_room_is_nowhere_any_more
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] membership:
            who_joins_is_a_plain_member_who_has_read_everything
            who_comes_back_is_a_plain_member
            a_mute_survives_leaving_and_coming_back
            a_mute_survives_a_ban
            a_mute_is_lifted
            who_leaves_is_out_and_told
            admins_kick_members_and_only_owners_touch_admins
            a_new_role_is_told_to_its_holder
            a_ban_removes_and_keeps_out
            a_lifted_ban_lets_in_again
            the_last_owner_stays_while_others_are_in
            a_direct_room_has_nothing_to_manage
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] mentions:
            members_are_mentioned_and_others_are_not
            admins_mention_the_room
            an_edit_replaces_the_mentions
            a_deleted_users_name_is_mentioned_no_more
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] messages:
            an_answer_names_a_message_of_the_room
            s5_a_number_of_another_room_names_nothing_here
            only_the_author_edits
            a_tombstone_keeps_its_number_and_forgets_what_was_said
            admins_delete_what_others_said
            a_room_has_fifty_pins_in_order
            deleting_a_pinned_message_unpins_it
            slow_mode_spaces_the_posts_of_plain_members
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] reactions:
            reactions_are_counted_in_the_order_of_first_use
            me_is_for_readers_and_never_in_an_event
            a_reaction_is_a_change_of_its_message
            who_reacted_is_listed_by_emoji_and_user
            nothing_is_listed_of_no_message_or_a_deleted_one
            a_message_has_at_most_fifty_emoji
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] markers:
            a_marker_only_moves_forward_and_never_beyond_the_head
            a_moved_marker_is_told_to_its_user
            strangers_have_no_marker
            unread_counts_messages_of_others_after_the_marker
            counts_stop_at_a_hundred
            the_first_paint_is_every_room_of_the_user_by_id
            the_last_message_is_the_newest_that_is_not_deleted
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] settings:
            a_patch_changes_what_it_names
            a_stale_patch_is_refused
            an_archived_room_is_read_only_until_it_is_opened_again
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] directory:
            ones_rooms_are_listed_by_id
            members_are_listed_by_id_while_they_are_in
            bans_are_listed_by_id
            the_directory_lists_public_rooms_by_id
            the_directory_finds_parts_of_names_and_topics_without_case
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] visibility:
            a_member_reads_and_may_not_manage
            a_hidden_room_is_not_found_by_strangers_leavers_and_the_banned
            a_public_room_is_known_to_strangers_and_read_by_members
            the_banned_may_not_even_look_at_a_public_room
            a_room_that_never_was_is_not_found
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] invites:
            a_code_lets_into_a_private_room
            who_is_in_already_uses_nothing_up
            a_spent_invite_is_gone_and_still_listed
            an_expired_invite_is_gone
            a_withdrawn_code_is_unknown
            a_code_opens_no_other_room
            a_code_lifts_no_ban
            nobody_comes_into_an_archived_room_by_a_code
            invites_are_listed_by_id_in_pages
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] webhooks:
            a_webhook_is_found_by_its_id_and_secret_together
            webhooks_are_listed_by_id_in_pages
            only_admins_make_list_and_remove_webhooks
            a_direct_room_has_no_webhooks_and_an_archived_one_gets_none
            a_room_has_so_many_webhooks_and_no_more
            a_removed_webhook_is_unknown_and_its_bot_stays
            a_closed_room_has_no_webhooks
            a_webhook_outlives_its_maker
            making_and_removing_take_no_number
            a_bot_is_a_user_that_nobody_can_be
            nobody_adds_bans_or_talks_to_a_bot
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] deliveries:
            a_webhook_posts_as_its_bot_and_members_have_it_unread
            a_webhook_mentions_members_and_never_the_room
            neither_mutes_nor_slow_mode_hold_a_webhook_back
            a_webhook_posts_into_its_own_room_as_its_own_bot
            a_webhook_that_was_removed_meanwhile_posts_nothing
            an_archived_room_takes_nothing_from_a_webhook_but_retries
            n2_one_nonce_of_a_webhook_posts_once
            n3_other_content_under_a_webhooks_nonce_is_a_conflict
            a_webhook_posts_among_others_in_one_batch
            admins_delete_what_a_webhook_posted_and_nobody_edits_it
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] history:
            the_latest_come_oldest_first
            before_gives_the_nearest_before
            after_gives_the_nearest_after
            around_gives_half_and_half_with_the_message
            beyond_the_head_there_is_nothing
            an_empty_room_has_an_empty_history
            pages_back_and_forth_leave_nothing_out
            history_lists_tombstones
            a_nonce_is_shown_to_its_author_only
            one_message_is_found_by_its_number
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] changes:
            from_nothing_everything_is_a_change
            at_the_head_nothing_is
            several_changes_of_one_thing_collapse_into_the_latest
            who_left_and_what_was_deleted_are_changes
            pieces_join_without_gap_or_overlap
            the_house_reads_every_nonce_and_no_me
            resets_are_told_in_their_order
            too_far_counts_things_and_not_their_changes
            a_new_epoch_voids_every_cursor
            a_stranger_is_refused_before_the_cursor_is_looked_at
        }
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] live:
            a_live_snapshot_is_the_room_its_log_and_who_is_in
            heads_are_told_of_the_rooms_that_are
            acquaintances_share_a_room_now
            a_store_that_can_serve_says_so
        }
        $crate::search_contract!($fresh);
    };
}

/// The clauses of searching alone, for a store that does it in more than one way.
#[macro_export]
macro_rules! search_contract {
    ($fresh:path) => {
        $crate::tests_of! { [$crate::World::of($fresh().await)] [] search:
            search_finds_words_and_parts_in_any_script_without_case
            search_is_exact_about_what_it_means
            search_comes_newest_first_in_pages
            search_pages_stay_while_more_is_said
            search_finds_an_edit_as_it_is_worded_now_and_in_its_place
            search_finds_nothing_that_was_deleted
            search_sees_what_a_whole_batch_did
            search_finds_nothing_of_rooms_that_one_is_not_in
            search_finds_for_those_who_are_in_many_rooms
            search_shows_messages_as_their_reader_sees_them
        }
    };
}

/// A test per name: make what it is about, and ask the clause.
#[doc(hidden)]
#[macro_export]
macro_rules! tests_of {
    ([$about:expr] $how:tt $module:ident: $($clause:ident)*) => {
        $($crate::test_of! { [$about] $how $module $clause })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! test_of {
    ([$about:expr] [$($how:tt)*] $module:ident $clause:ident) => {
        #[tokio::test($($how)*)]
        async fn $clause() {
            let about = $about;
            $crate::$module::$clause(&about).await;
        }
    };
}

#[cfg(test)]
mod tests {
    /// A clause that is in no list would test nothing.
    #[test]
    fn every_clause_is_in_a_list() {
        let lists = concat!(include_str!("lists.rs"), include_str!("between.rs"));
        let files = [
            include_str!("accounts.rs"),
            include_str!("departures.rs"),
            include_str!("sessions.rs"),
            include_str!("batches.rs"),
            include_str!("nonces.rs"),
            include_str!("creating.rs"),
            include_str!("membership.rs"),
            include_str!("mentions.rs"),
            include_str!("messages.rs"),
            include_str!("reactions.rs"),
            include_str!("markers.rs"),
            include_str!("settings.rs"),
            include_str!("directory.rs"),
            include_str!("visibility.rs"),
            include_str!("invites.rs"),
            include_str!("webhooks.rs"),
            include_str!("deliveries.rs"),
            include_str!("history.rs"),
            include_str!("changes.rs"),
            include_str!("live.rs"),
            include_str!("search.rs"),
            include_str!("bus.rs"),
            include_str!("presence.rs"),
            include_str!("rates.rs"),
            include_str!("tail.rs"),
        ];
        let clauses = files.iter().flat_map(|file| file.lines()).filter_map(|line| line.strip_prefix("pub async fn "));
        let names: Vec<&str> = clauses.filter_map(|rest| rest.split('(').next()).collect();
        assert!(names.len() > 100);
        for name in names {
            assert!(lists.lines().any(|line| line.trim() == name), "{name} is in no list");
        }
    }
}
