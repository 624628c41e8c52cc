use bus::Share;
use events::Leaf;
use ledger::{Dimension, Key, Order, Window};
use model::RetryClass;
use testkit::eventually;

use crate::scene::{BOUND, Scene, definitions, source};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_in_the_ledger_in_order_and_once_over_nats() {
    everything(Scene::nats().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_in_the_ledger_in_order_and_once_embedded() {
    everything(Scene::embedded().await).await;
}

/// More events of one aggregate than the log keeps, with an auditor that is taken away in the middle again and again.
async fn everything(scene: Scene) {
    const EVENTS: u64 = 400;
    let mut feed = scene.log.feed("witness").await.unwrap();
    let busy = source("busy");
    let writing = scene.append_many(&busy, EVENTS);
    let trouble = async {
        for _ in 0..8 {
            let auditor = scene.audit();
            let pause = std::time::Duration::from_millis(rand::random_range(0..900));
            let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
            scene.kill(auditor).await;
        }
    };
    let (written, ()) = tokio::join!(writing, trouble);
    let auditor = scene.audit();
    scene.until_written(EVENTS).await;
    let late = scene.append(definitions()).await;
    scene.until_written(EVENTS + 1).await;
    auditor.stop().await;

    let found = scene.events();
    let mut witnessed = vec![];
    while witnessed.len() < found.len() {
        let bus::FeedItem::Event(event) = feed.next().await.unwrap() else { panic!("all can be read") };
        witnessed.push(event);
    }
    assert_eq!(found.len() as u64, EVENTS + 1);
    assert!(found == witnessed, "what another consumer of the log was told is what is in the ledger");
    assert_eq!((found.last(), &found[..written.len()]), (Some(&late), &written[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anybody_may_read_is_copied_and_what_is_sealed_is_not() {
    let scene = Scene::embedded().await;
    let auditor = scene.audit();
    let (event, manifests, secrets) = scene.render().await;
    scene.until_written(1).await;
    auditor.stop().await;
    let (_ledger, view, entries) = scene.entries();
    assert_eq!(view.body(&manifests).unwrap().unwrap(), "what anybody may read");
    assert_eq!(view.body(&secrets).unwrap(), None);
    for (dimension, value) in [
        (Dimension::Event, event.id.to_string()),
        (Dimension::Kind, "DesiredStateRendered".into()),
        (Dimension::Application, "shop".into()),
        (Dimension::Commit, "c".repeat(40)),
    ] {
        let found = view.by(&Key::new(dimension, value), &Window::default(), Order::OldestFirst, 9).unwrap();
        assert_eq!(found, entries, "{dimension:?}");
    }
}

/// The log was wiped: what the ledger has stays provable, and what follows is another span of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_goes_on_behind_a_log_that_is_no_more() {
    let scene = Scene::embedded().await;
    let auditor = scene.audit();
    scene.append_many(&source("shop"), 5).await;
    scene.until_written(5).await;
    auditor.stop().await;
    let (ledger, view, _) = scene.entries();
    let before = view.newest_checkpoint().unwrap().unwrap().checkpoint;
    drop((view, ledger));

    let scene = scene.with_another_log().await;
    let auditor = scene.audit();
    scene.append_many(&source("shop"), 3).await;
    scene.until_written(8).await;
    auditor.stop().await;
    let (_ledger, view, entries) = scene.entries();
    assert_eq!((view.spans().len(), entries.len()), (2, 8));
    let now = view.newest_checkpoint().unwrap().unwrap().checkpoint;
    let path = view.consistency(before.size(), now.size()).unwrap();
    let key = auditor::verifier_key(&scene.config(Share::Sole).folder.join(auditor::CHECKS)).unwrap();
    ledger::verify::verify_consistency(&before, &now, &path, &[key]).unwrap();
}

/// An older copy of the log gives the sequences of events that the ledger has to other events: they are not lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_put_back_loses_no_event() {
    let mut scene = Scene::embedded().await;
    let auditor = scene.audit();
    let first = scene.append_many(&source("shop"), 4).await;
    scene.until_written(4).await;
    auditor.stop().await;
    scene = scene.with_log_kept("older").await;
    let auditor = scene.audit();
    scene.append_many(&source("lost"), 3).await;
    scene.until_written(7).await;
    auditor.stop().await;

    scene = scene.with_log_put_back("older").await;
    for (name, count) in [("other", 2), ("more", 2)] {
        let auditor = scene.audit();
        scene.append_many(&source(name), count).await;
        auditor.stop().await;
    }
    let auditor = scene.audit();
    let next = scene.append_after(first.last().unwrap(), "goes on").await;
    scene.until_written(12).await;
    auditor.stop().await;
    let (_ledger, view, entries) = scene.entries();
    assert_eq!((view.spans().len(), entries.len()), (2, 12));
    let key = Key::new(Dimension::Event, next.id.to_string());
    assert_eq!(view.by(&key, &Window::default(), Order::OldestFirst, 9).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_auditors_one_writes_and_the_other_follows_it() {
    let scene = Scene::nats().await;
    let join = async |name: &str| {
        let member = bus::Member::new(name);
        let membership = scene.log.join("auditor", member, bus::share::CLAIM).await.unwrap();
        (Share::of(&membership), membership)
    };
    let ((one, first), (other, second)) = (join("one").await, join("other").await);
    let owner = async || {
        let held = |share: &Share| share.holds(model::Aggregate::Definitions.partition());
        match (held(&one), held(&other)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            (true, true) | (false, false) => None,
        }
    };
    let one_is_it = eventually(BOUND, "one of them", owner).await;
    // Both on one folder: if both wrote, one would be refused.
    let auditors = [scene.audit_as(one.clone()), scene.audit_as(other.clone())];
    scene.append_many(&source("shop"), 5).await;
    scene.until_written(5).await;
    let [mine, others] = auditors;
    let (stopped, left, stays) = if one_is_it { (mine, first, others) } else { (others, second, mine) };
    stopped.stop().await;
    left.leave().await;
    scene.append_many(&source("more"), 5).await;
    scene.until_written(10).await;
    stays.stop().await;
    assert_eq!(scene.events().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_put_back_is_refused() {
    let scene = Scene::embedded().await;
    let auditor = scene.audit();
    scene.append_many(&source("shop"), 3).await;
    scene.until_written(3).await;
    auditor.stop().await;
    let file =
        std::fs::read_dir(scene.config(Share::Sole).folder).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|it| it == "redb")).unwrap();
    let older = std::fs::read(&file).unwrap();
    let auditor = scene.audit();
    scene.append_many(&source("more"), 3).await;
    scene.until_written(6).await;
    auditor.stop().await;
    std::fs::write(&file, older).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let error = auditor::run(scene.log.clone(), scene.config(Share::Sole), stop).await.unwrap_err();
    assert!(
        matches!(error, auditor::Error::Open(ledger::OpenError::RolledBack { signed: 6, .. })),
        "{error:?}"
    );
    assert_eq!(error.class(), RetryClass::Permanent);
}

#[test]
fn what_is_no_leaf_has_no_facts() {
    assert!(auditor::facts(b"something else").is_err());
    assert!(Leaf::decode(&[]).is_err());
}
