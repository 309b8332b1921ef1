//! Server side: a bounded stream of connections that have finished their handshake.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{server::TlsStream, TlsAcceptor};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

/// Bounds on what strangers may hold open.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once, handshakes included.
    pub connections: usize,
    /// Connections at once from one address.
    pub per_address: usize,
    /// Longest handshake.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            per_address: 32,
            handshake: Duration::from_secs(10),
        }
    }
}

/// Address of the other end; found in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteAddress(pub SocketAddr);

/// An authenticated connection; its place under the limits is free again when it is dropped.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    remote: SocketAddr,
    _place: Place,
}

/// Accepts connections and hands over those that finish a TLS handshake in time.
///
/// Handshakes run beside each other. At the limit of connections accepting pauses, so that further ones wait
/// in the system's backlog; beyond the limit of one address they are closed. The stream ends when dropped.
pub fn incoming(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    limits: Limits,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(16);
    let acceptor = TlsAcceptor::from(config);
    let places = Places::new(limits);
    tokio::spawn(async move {
        loop {
            let (stream, remote, place) = tokio::select! {
                () = sender.closed() => return,
                accepted = places.accept(&listener) => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of descriptors or a connection reset while it waited: neither ends the service.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    },
                },
            };
            let Some(place) = place else {
                tracing::debug!(%remote, "too many connections from one address");
                continue;
            };
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move {
                match timeout(limits.handshake, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let connection = Connection {
                            stream,
                            remote,
                            _place: place,
                        };
                        sender.send(Ok(connection)).await.ok();
                    }
                    Ok(Err(error)) => tracing::debug!(%remote, %error, "handshake failed"),
                    Err(_) => tracing::debug!(%remote, "handshake took too long"),
                }
            });
        }
    });
    ReceiverStream::new(receiver)
}

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    by_address: Counts,
    per_address: usize,
}

#[derive(Debug)]
struct Place {
    _permit: OwnedSemaphorePermit,
    by_address: Counts,
    address: IpAddr,
}

impl Places {
    fn new(limits: Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            by_address: Counts::default(),
            per_address: limits.per_address,
        }
    }

    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr, Option<Place>)> {
        let permit = self.all.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, remote) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let address = remote.ip();
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.per_address {
            return Ok((stream, remote, None));
        }
        *count += 1;
        let place = Place {
            _permit: permit,
            by_address: self.by_address.clone(),
            address,
        };
        Ok((stream, remote, Some(place)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = RemoteAddress;

    fn connect_info(&self) -> RemoteAddress {
        RemoteAddress(self.remote)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}
