//! From a kubeconfig to an authenticated way to the API server.

use std::{path::PathBuf, thread, time::Duration};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self,
        connect::{
            Connect, HttpConnector,
            proxy::{SocksV5, Tunnel},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Config,
    client::{Body, ConfigExt, middleware::AuthLayer},
    config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig as File, KubeconfigError},
};
use model::{Digest, definition::Kubeconfig};
use tokio::{sync::oneshot, time::timeout};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    ClusterError, home, lanes::Lanes, left_behind::Try, proxy::Proxy, transport::Way, window::CALLS_MAX,
};

/// How long credentials may take to come: an exec plugin may ask a cloud.
const CREDENTIALS_DEADLINE: Duration = Duration::from_secs(30);

/// How long a connection may take to come up, TLS apart; below the deadline of a call.
const CONNECT_DEADLINE: Duration = Duration::from_secs(4);

/// How often the connection of the watches is probed, and how long the answer may take: a server that has
/// gone silent is noticed in 20 s, though its watches may rightly say nothing for a minute.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// What the server may send ahead per watch and in all: 128 that nobody reads can stall before they hold up
/// the others.
const STREAM_WINDOW: u32 = 512 << 10;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// Everything that is read or run before the first request.
struct Prepared {
    config: Config,
    tls: rustls::ClientConfig,
    auth: Option<AuthLayer>,
    proxy: Option<Proxy>,
}

/// Connections that are ready to be made, and where they lead.
pub(crate) struct Opened {
    pub(crate) way: Way,
    /// Digest of what a Secret held, to tell whether it changes.
    pub(crate) read: Option<Digest>,
    /// Scheme, host and port of the server, and the proxy on the way if there is one.
    pub(crate) address: String,
}

/// Where a kubeconfig is written.
pub(crate) enum Written {
    /// In a file, or wherever the environment says.
    File(Kubeconfig),
    /// In a Secret, which holds this.
    Secret(Kubeconfig, String),
    /// Nowhere: it is made of the pod's own service account.
    Home(Box<File>),
}

impl Written {
    /// Tells it from others.
    fn name(&self) -> String {
        match self {
            Self::File(place) | Self::Secret(place, _) => format!("{place:?}"),
            Self::Home(_) => "home".to_owned(),
        }
    }
}

/// Reads the kubeconfig and gets credentials.
pub(crate) async fn open(kubeconfig: &Kubeconfig) -> Result<Opened, ClusterError> {
    match &kubeconfig.secret {
        None => open_written(Written::File(kubeconfig.clone())).await,
        Some(secret) => {
            let text = home::read(secret).await?;
            let read = Some(Digest::of(text.as_bytes()));
            let opened = open_written(Written::Secret(kubeconfig.clone(), text)).await?;
            Ok(Opened { read, ..opened })
        }
    }
}

/// Gets the credentials that a kubeconfig names.
pub(crate) async fn open_written(written: Written) -> Result<Opened, ClusterError> {
    let (done, prepared) = oneshot::channel();
    let problem = |problem: &str| ClusterError::Credentials { problem: problem.to_owned() };
    let begun = Try::begin(written.name());
    let (attempt, end) = begun.ok_or_else(|| problem("the exec plugin of an earlier try still runs"))?;
    // A thread of its own, not the pool: a plugin that hangs must hold up neither us nor the process's end.
    let spawned = thread::Builder::new().name("kubeconfig".into()).spawn(move || {
        let prepared = prepare(written);
        drop(end);
        // The receiver is gone if the deadline has passed: nobody wants the result.
        let _ = done.send(prepared);
    });
    spawned.map_err(|_| problem("no thread to get them"))?;
    let Ok(prepared) = timeout(CREDENTIALS_DEADLINE, prepared).await else {
        attempt.leave_behind();
        return Err(problem("the exec plugin does not end"));
    };
    let prepared = prepared.map_err(|_| problem("getting them ended abruptly"))??;
    let mut address = address(&prepared.config.cluster_url);
    let calls = client(&prepared, &address, Traffic::Calls)?;
    let server = address.clone();
    if let Some(proxy) = &prepared.proxy {
        address = format!("{address} (through {})", proxy.shown());
    }
    let watches = Lanes::new(Box::new(move || client(&prepared, &server, Traffic::Watches)));
    Ok(Opened { way: Way { calls, watches }, read: None, address })
}

fn prepare(written: Written) -> Result<Prepared, ClusterError> {
    let (place, (config, proxy)) = match written {
        Written::File(place) => {
            let config = config(&place)?;
            (place, config)
        }
        Written::Secret(place, text) => {
            let file = File::from_yaml(&text).map_err(|error| kubeconfig_error(&place, &error))?;
            holds_all(&file, &place)?;
            let config = config_of(file, &place)?;
            (place, config)
        }
        Written::Home(file) => (Kubeconfig::default(), config_of(*file, &Kubeconfig::default())?),
    };
    let auth = config.auth_layer().map_err(|error| credentials(&error))?;
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Lost only against someone who installs one at the same moment.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let tls = config.rustls_client_config().map_err(|error| {
        if let kube::Error::InferKubeconfig(error) = error {
            return kubeconfig_error(&place, &error);
        }
        let problem = "the certificates or keys in the kubeconfig cannot be used".into();
        ClusterError::Tls { address: address(&config.cluster_url), problem }
    })?;
    Ok(Prepared { config, tls, auth, proxy })
}

/// Reads the file that is named, else `KUBECONFIG` or `~/.kube/config`, else the pod's service account.
fn config(place: &Kubeconfig) -> Result<(Config, Option<Proxy>), ClusterError> {
    let read = match &place.file {
        Some(path) => File::read_from(path),
        None => File::read(),
    };
    let absent = matches!(
        &read,
        Err(KubeconfigError::FindPath | KubeconfigError::ReadConfig(..)) if place.file.is_none()
    );
    if absent && place.context.is_none() {
        let in_cluster = Config::incluster().map_err(|_| ClusterError::Kubeconfig {
            file: file(place),
            problem: "not found, and this is not a pod with a service account".into(),
        });
        return in_cluster.map(|config| (config, None));
    }
    config_of(read.map_err(|error| kubeconfig_error(place, &error))?, place)
}

/// Whoever may write a Secret is not to read files of this machine, or run programs on it.
fn holds_all(file: &File, place: &Kubeconfig) -> Result<(), ClusterError> {
    let of_user = file.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()).any(|user| {
        let files = [&user.token_file, &user.client_certificate, &user.client_key];
        files.iter().any(|file| file.is_some()) || user.exec.is_some() || user.auth_provider.is_some()
    });
    let clusters = file.clusters.iter().filter_map(|named| named.cluster.as_ref());
    if of_user || clusters.into_iter().any(|cluster| cluster.certificate_authority.is_some()) {
        let problem = "it names a file or a program of this machine, which one in a Secret may not".into();
        return Err(ClusterError::Kubeconfig { file: self::file(place), problem });
    }
    Ok(())
}

/// The configuration of the context in use.
fn config_of(mut kubeconfig: File, place: &Kubeconfig) -> Result<(Config, Option<Proxy>), ClusterError> {
    let fail = |error: KubeconfigError| kubeconfig_error(place, &error);
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        if let Some(exec) = &mut user.exec {
            // Nobody sits at a service's terminal, and what the plugin prints may be secret.
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
    }
    let options = KubeConfigOptions { context: place.context.clone(), cluster: None, user: None };
    let proxy = proxy_of(&kubeconfig, place).map(Proxy::parse).transpose();
    let refuse = |problem: String| ClusterError::Kubeconfig { file: file(place), problem };
    let proxy = proxy.map_err(refuse)?;
    // No I/O is waited for in there: it is async by name only, and this is a thread of its own.
    let load = Config::from_custom_kubeconfig(kubeconfig, &options);
    let config = futures::executor::block_on(load).map_err(fail)?;
    Ok((config, proxy))
}

/// The proxy of the context in use. The environment of a service is not where a cluster's address is decided.
fn proxy_of<'a>(kubeconfig: &'a File, place: &Kubeconfig) -> Option<&'a str> {
    let context = place.context.as_ref().or(kubeconfig.current_context.as_ref())?;
    let context = kubeconfig.contexts.iter().find(|named| named.name == *context)?.context.as_ref()?;
    let cluster = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?;
    cluster.cluster.as_ref()?.proxy_url.as_deref().filter(|proxy| !proxy.is_empty())
}

/// Which requests a client carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Traffic {
    /// Calls and lists, over HTTP/1.1. Measured on the real API server: 10-20 % more applies per second than
    /// over HTTP/2, and what a stalled watch has been sent ahead cannot hold them up.
    Calls,
    /// Watches, over HTTP/2: one connection for many instead of one for each.
    Watches,
}

fn client(prepared: &Prepared, address: &str, traffic: Traffic) -> Result<kube::Client, ClusterError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_DEADLINE));
    match prepared.proxy.clone() {
        None => client_over(tcp, prepared, address, traffic),
        Some(Proxy::Http { address: proxy, login }) => {
            let tunnel = Tunnel::new(proxy, tcp);
            let tunnel = match login {
                Some(login) => tunnel.with_auth(login),
                None => tunnel,
            };
            client_over(tunnel, prepared, address, traffic)
        }
        Some(Proxy::Socks5 { address: proxy, login }) => {
            let tunnel = SocksV5::new(proxy, tcp);
            let tunnel = match login {
                Some((user, password)) => tunnel.with_auth(user, password),
                None => tunnel,
            };
            client_over(tunnel, prepared, address, traffic)
        }
    }
}

fn client_over<C>(
    connector: C,
    prepared: &Prepared,
    address: &str,
    traffic: Traffic,
) -> Result<kube::Client, ClusterError>
where
    HttpsConnector<C>: Connect + Clone + Send + Sync + 'static,
{
    let Prepared { config, tls, auth, proxy: _ } = prepared;
    let broken = |problem: &str| ClusterError::Tls { address: address.into(), problem: problem.into() };
    let mut https = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = rustls::pki_types::ServerName::try_from(name.clone());
        let name = name.map_err(|_| broken("tls-server-name is no host name"))?;
        https = https.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name));
    }
    let https = match traffic {
        Traffic::Calls => https.enable_http1().wrap_connector(connector),
        Traffic::Watches => https.enable_all_versions().wrap_connector(connector),
    };
    let http = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(CALLS_MAX)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PROBE_INTERVAL)
        .http2_keep_alive_timeout(PROBE_DEADLINE)
        .build::<_, Body>(https);
    let extra = config.extra_headers_layer();
    let extra = extra.map_err(|_| ClusterError::Credentials { problem: "impersonation headers".into() })?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(auth.as_ref())
        .layer(extra)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service.map_err(BoxError::from), config.default_namespace.clone()))
}

fn address(url: &Uri) -> String {
    let authority = url.authority().map_or_else(String::new, |authority| {
        // Never the user:password@ that a URL may carry.
        format!("{}:{}", authority.host(), url.port_u16().unwrap_or(443))
    });
    format!("{}://{authority}", url.scheme_str().unwrap_or("https"))
}

fn file(place: &Kubeconfig) -> String {
    if let Some(secret) = &place.secret {
        return home::shown(secret);
    }
    let named = place.file.clone().unwrap_or_else(|| PathBuf::from("$KUBECONFIG or ~/.kube/config"));
    named.display().to_string()
}

/// The library's texts about YAML and keys can quote the file, which holds credentials: only known parts of
/// them are told.
fn kubeconfig_error(place: &Kubeconfig, error: &KubeconfigError) -> ClusterError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum: what is not named is told in general"
    )]
    let problem = match error {
        KubeconfigError::ReadConfig(io, _) => io.kind().to_string(),
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("not a kubeconfig: line {}, column {}", at.line(), at.column()),
            None => "not a kubeconfig".into(),
        },
        KubeconfigError::CurrentContextNotSet => "no context is named, and it has no current one".into(),
        KubeconfigError::LoadContext(name) => format!("it has no context {name:?}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster {name:?}"),
        KubeconfigError::MissingClusterUrl => "the cluster has no server address".into(),
        KubeconfigError::ParseClusterUrl(_) => "the cluster's server is no address".into(),
        KubeconfigError::LoadCertificateAuthority(_) => "certificate-authority cannot be read".into(),
        KubeconfigError::LoadClientCertificate(_) => "client-certificate cannot be read".into(),
        KubeconfigError::LoadClientKey(_) => "client-key cannot be read".into(),
        KubeconfigError::ParseCertificates(_) => "certificate-authority holds no certificate".into(),
        _ => "it cannot be used".into(),
    };
    ClusterError::Kubeconfig { file: file(place), problem }
}

fn credentials(error: &kube::Error) -> ClusterError {
    use kube::client::AuthError;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum: what is not named is told in general"
    )]
    let problem = match error {
        kube::Error::Auth(AuthError::AuthExecStart(io)) => format!("the exec plugin: {}", io.kind()),
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            format!("the exec plugin failed: {}", out.status)
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            "the exec plugin's answer is no ExecCredential".into()
        }
        kube::Error::Auth(AuthError::ReadTokenFile(io, path)) => format!("{}: {}", path.display(), io.kind()),
        kube::Error::Auth(AuthError::InvalidBearerToken(_)) => "the token holds forbidden characters".into(),
        _ => "they cannot be used".into(),
    };
    ClusterError::Credentials { problem }
}

#[cfg(test)]
mod tests {
    use model::definition::SecretKey;
    use serde_json::{Value, json};

    use super::*;

    fn of_secret(user: Value, cluster: Value) -> Result<(), ClusterError> {
        let text = json!({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
        });
        let secret = Some(SecretKey { name: "eu".into(), namespace: Some("fleet".into()), key: "k".into() });
        let place = Kubeconfig { secret, ..Kubeconfig::default() };
        holds_all(&File::from_yaml(&text.to_string()).unwrap(), &place)
    }

    /// The clock passes at once where nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_does_not_end_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let (flag, file) = (folder.path().join("flag"), folder.path().join("kubeconfig"));
        std::fs::write(&flag, "").unwrap();
        let wait = format!("while [ -e '{}' ]; do sleep 0.05; done", flag.display());
        let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
            "args": ["-c", wait], "interactiveMode": "Never"});
        let text = json!({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {"exec": exec}}],
        });
        std::fs::write(&file, text.to_string()).unwrap();
        let place = Kubeconfig { file: Some(file), ..Kubeconfig::default() };
        let told = async || open(&place).await.err().unwrap().to_string();
        assert!(told().await.contains("does not end"));
        assert!(told().await.contains("an earlier try still runs"));
        std::fs::remove_file(flag).unwrap();
        let start = std::time::Instant::now();
        while told().await.contains("still runs") {
            assert!(start.elapsed() < Duration::from_secs(60));
            thread::yield_now();
        }
    }

    #[test]
    fn a_kubeconfig_in_a_secret_names_no_file_and_no_program() {
        let server = || json!({"server": "https://eu.example"});
        assert_eq!(of_secret(json!({"token": "t"}), server()), Ok(()));
        for (user, cluster) in [
            (json!({"tokenFile": "/etc/shadow"}), server()),
            (json!({"client-certificate": "/a", "client-key": "/b"}), server()),
            (json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh"}}), server()),
            (json!({"token": "t"}), json!({"server": "https://eu.example", "certificate-authority": "/a"})),
        ] {
            let error = of_secret(user, cluster).unwrap_err();
            assert!(
                error.to_string().starts_with("kubeconfig Secret fleet/eu (k): it names a file"),
                "{error}"
            );
        }
    }
}
