//! One suite for both backends: whatever holds for one log must hold for the other, and for the log of simulations as
//! far as it is one.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod appending;
mod archiving;
mod bed;
mod blobs;
mod feeding;
mod joining;
mod only_cluster;
mod only_embedded;
mod only_nats;
mod only_secured;
mod parking;
mod reporting;
mod retiring;
mod samples;
mod server;
mod sharing;
mod surviving;
mod watching;

/// Tests on a log that is made anew for each.
macro_rules! on {
    ($bed:expr, { $($topic:ident :: { $($test:ident,)* },)* }) => {
        $(mod $topic { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::$topic::$test($bed).await;
            }
        )* })*
    };
}

/// What holds everywhere holds in memory too, where the log of simulations lies; the rest needs what outlives a process.
macro_rules! suite {
    (everywhere: $everywhere:tt, outliving: $outliving:tt) => {
        mod memory {
            on!(crate::bed::Bed::memory(), $everywhere);
        }
        mod embedded {
            on!(crate::bed::Bed::embedded().await, $everywhere);
            mod outliving {
                on!(crate::bed::Bed::embedded().await, $outliving);
            }
        }
        mod nats {
            on!(crate::bed::Bed::nats().await, $everywhere);
            mod outliving {
                on!(crate::bed::Bed::nats().await, $outliving);
            }
        }
    };
}

suite! {
    everywhere: {
        appending::{
            versions_are_contiguous,
            everything_in_the_envelope_comes_back,
            a_stale_version_is_a_conflict,
            a_lost_acknowledgement_is_no_conflict,
            a_stale_item_holds_back_no_other,
            many_writers_share_batches,
            one_of_two_racing_writers_wins,
            an_event_above_the_bound_is_refused,
            a_malformed_draft_is_refused,
            history_is_bounded_and_keeps_the_newest,
        },
        watching::{
            an_empty_list_is_listed_at_once,
            the_list_holds_only_the_newest_of_what_is_asked,
            neither_gap_nor_repeat_while_writers_run,
            partitions_gained_later_have_a_watch_of_their_own,
            a_slow_reader_holds_up_nobody_and_misses_no_newest,
            a_cancelled_read_loses_nothing,
            a_list_is_complete_though_its_events_go_meanwhile,
        },
        blobs::{
            blobs_come_back_whole,
            a_sweep_keeps_what_is_named_or_young,
        },
        retiring::{
            after_its_time_it_starts_again,
            one_that_went_on_outlives_its_last_event,
        },
    },
    outliving: {
        blobs::{
            a_corrupt_blob_is_found,
        },
        feeding::{
            everything_is_told_in_order_and_once,
            a_stopped_consumer_finds_all_of_a_busy_aggregate,
            an_unregistered_consumer_holds_nothing,
        },
        retiring::{
            a_retired_aggregate_is_rolled_up_and_goes_on,
        },
        joining::{
            members_see_each_other_come_and_go,
            heartbeats_keep_members,
        },
        reporting::{
            a_status_turns_stale_by_itself,
            nobody_stands_for_a_member_that_is_gone,
        },
        sharing::{
            a_newcomer_waits_and_then_both_share,
            what_a_killed_member_held_is_taken_over,
            what_a_leaver_held_is_taken_over_at_once,
        },
        surviving::{
            a_killed_process_loses_nothing_acknowledged,
        },
        archiving::{
            a_restored_log_is_the_same_one,
            a_retired_aggregate_goes_after_its_time,
            a_second_life_that_began_meanwhile_stands_alone,
            a_backup_under_writers_is_whole,
            a_damaged_archive_is_refused,
            a_restore_that_is_broken_off_leaves_no_log,
            a_state_that_cannot_be_read_is_not_left_out,
        },
        parking::{
            an_unreadable_event_parks_only_its_aggregate,
            a_newer_format_passes_through,
        },
    }
}
