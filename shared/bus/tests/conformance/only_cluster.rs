//! What a log on three servers survives, and who decides how many keep it.

use std::sync::Arc;

use bus::{Log, NatsConfig};
use model::RetryClass;

use crate::{
    only_nats::{config, open, survive},
    samples::*,
    server::{Server, Settings, free_port},
};

struct Cluster([Server; 3]);

impl Cluster {
    async fn start() -> Self {
        let ports = [free_port(), free_port(), free_port()];
        let routes = ports.map(|port| format!("nats://127.0.0.1:{port}")).join(", ");
        let member = async |i: usize| {
            let more = format!(
                "server_name: s{i}\ncluster {{ name: fleet, host: 127.0.0.1, port: {}, routes: [{routes}] }}",
                ports[i]
            );
            Server::start(Settings { more, ..Settings::default() }).await
        };
        Self([member(0).await, member(1).await, member(2).await])
    }

    fn config(&self, replicas: Option<usize>) -> NatsConfig {
        let urls = self.0.each_ref().map(Server::url).join(",");
        NatsConfig { replicas, ..config(urls) }
    }

    async fn open(&self, replicas: Option<usize>) -> Arc<dyn Log> {
        open(self.config(replicas)).await
    }

    /// How many servers keep each stream that there is.
    async fn copies(&self) -> Vec<usize> {
        let client = async_nats::connect(self.0[0].url()).await.unwrap();
        let streams = async_nats::jetstream::new(client);
        let mut copies = Vec::new();
        for name in ["LOG", "FEED", "FLOORS", "BLOBS", "MEMBERS"] {
            if let Ok(stream) = streams.get_stream(name).await {
                copies.push(stream.cached_info().config.num_replicas);
            }
        }
        copies
    }
}

/// Every server dies once, so its leaders do, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_of_a_cluster_may_die_one_after_the_other() {
    let cluster = Cluster::start().await;
    drop(cluster.open(Some(3)).await);
    let next = std::sync::atomic::AtomicUsize::new(0);
    survive(cluster.config(Some(3)), async || {
        let server = &cluster.0[next.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 3];
        server.kill();
        server.run().await;
    })
    .await;
}

/// Without a majority nothing is acknowledged, and nothing that was is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_a_majority_refuses_and_comes_back() {
    let cluster = Cluster::start().await;
    let log = cluster.open(Some(3)).await;
    let newest = append_many(&*log, &source(1), 5).await;
    cluster.0[0].kill();
    cluster.0[1].kill();
    let draft = after(&newest, "next");
    let refused = log.append(vec![draft.clone()]).await.pop().unwrap().unwrap_err();
    assert_eq!(refused.class(), RetryClass::Transient, "{refused:?}");
    cluster.0[0].run().await;
    cluster.0[1].run().await;
    let stored = async {
        loop {
            match log.append(vec![draft.clone()]).await.pop().unwrap() {
                Ok(event) => return event,
                Err(error) => assert_eq!(error.class(), RetryClass::Transient, "{error:?}"),
            }
        }
    };
    assert_eq!(within(stored).await.n(), 6);
    let history = log.history(&source(1), 10).await.unwrap();
    assert_eq!(history.iter().map(events::Event::n).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_told_how_many_changes_how_many_keep_the_log() {
    let cluster = Cluster::start().await;
    drop(cluster.open(Some(3)).await);
    assert_eq!(cluster.copies().await, [3; 4]);
    let log = cluster.open(None).await;
    drop(log.feed("auditor").await.unwrap());
    assert_eq!(cluster.copies().await[0], 3, "whoever was told nothing leaves it");
    drop(cluster.open(Some(1)).await);
    assert_eq!(cluster.copies().await, [1; 5]);
}
