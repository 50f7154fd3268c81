//! Serves connections: so many at once, each with time limits, until told to stop.
//!
//! Invariant: a client that sends nothing, or slowly, holds a connection for the read timeout at
//! most; only HTTP/1.1 is spoken, since the wait for the first bytes of an unknown version has no
//! limit. On shutdown nothing new is accepted, offer streams end, requests under way are answered,
//! and what is not done after a while is cut off.

use super::Edge;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long requests under way have to finish after a shutdown began.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after a failed accept: the process is out of file descriptors, most likely.
const BREATH: Duration = Duration::from_millis(50);

/// Serves `router` (see [`super::router`]) on `listener` until `shutdown` is done.
pub async fn serve(listener: TcpListener, router: Router, edge: &Edge, shutdown: impl Future<Output = ()>) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    let read_timeout = Duration::from_millis(edge.settings.read_timeout.0);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(read_timeout).max_buf_size(64 * 1024);
    let places = Arc::new(Semaphore::new(edge.settings.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = &mut shutdown => break,
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        // Offers are small and must not wait for more to come; without it they are only later.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    edge.offers.close();
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut off at shutdown");
    }
}
