//! The plumbing that all servers share: listen, read requests off the wire, note who came and who left.
//!
//! What always holds: a request is recorded before a byte of its answer is sent, and the end of a
//! connection is recorded at the instant the server could first see it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long a test waits for something that must happen before it says that it did not.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it came off the wire.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which connection brought it, counted from 0.
    pub connection: usize,
    /// Request line and headers, the empty line included.
    pub head: Vec<u8>,
    /// The body with any chunked framing taken off.
    pub body: Vec<u8>,
    /// When its last byte had come.
    pub at: Instant,
}

impl Request {
    /// The request line, without its line end.
    #[must_use]
    pub fn line(&self) -> String {
        String::from_utf8_lossy(&self.head).lines().next().unwrap_or_default().to_owned()
    }

    /// The path with its query.
    #[must_use]
    pub fn target(&self) -> String {
        self.line().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Every value of a header, by a name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<String> {
        header_values(&self.head, name)
    }
}

#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Request>,
    /// One entry a connection: when its end was seen.
    closed: Vec<Option<Instant>>,
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Notes {
    fn note<T>(&self, f: impl FnOnce(&mut Seen) -> T) -> T {
        let result = f(&mut self.seen.lock().unwrap());
        self.changed.notify_waiters();
        result
    }

    async fn until<T>(&self, what: &str, mut f: impl FnMut(&Seen) -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = f(&self.seen.lock().unwrap()) {
                return found;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                panic!("the upstream waited {PATIENCE:?} in vain for {what}");
            }
        }
    }
}

/// A server under a test's control. It ends when this is dropped.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    notes: Arc<Notes>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Listens on a free loopback port and gives every connection to `behave`.
    pub async fn start<F, Fut>(behave: F) -> Self
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), behave)
    }

    /// The same with a listener of the caller's: for a server that comes up late.
    pub fn start_on<F, Fut>(listener: TcpListener, behave: F) -> Self
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<()>> + Send + 'static,
    {
        let addr = listener.local_addr().unwrap();
        let notes = Arc::new(Notes::default());
        let theirs = Arc::clone(&notes);
        let task = tokio::spawn(async move {
            // Connections live in this set, so that dropping the server drops them too.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let index = theirs.note(|seen| {
                    seen.closed.push(None);
                    seen.closed.len() - 1
                });
                let connection =
                    Connection { stream: Some(stream), index, notes: Arc::clone(&theirs), unread: Vec::new() };
                // A broken pipe is how most of these conversations are meant to end.
                let talk = behave(connection);
                connections.spawn(async move {
                    let _ = talk.await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { addr, notes, task }
    }

    /// Ends it and every connection of its, and comes back when the last of them is closed: dropped alone, it may
    /// still answer for a moment.
    pub async fn end(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.notes.until("its connections to end", |seen| seen.closed.iter().all(Option::is_some).then_some(())).await;
    }

    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What goes into `base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Everything that was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.notes.seen.lock().unwrap().requests.clone()
    }

    /// How many requests came so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.notes.seen.lock().unwrap().requests.len()
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.notes.seen.lock().unwrap().closed.len()
    }

    /// How many connections have not been seen to end.
    #[must_use]
    pub fn open(&self) -> usize {
        self.notes.seen.lock().unwrap().closed.iter().filter(|c| c.is_none()).count()
    }

    /// The `nth` request (from 0), waited for.
    pub async fn request(&self, nth: usize) -> Request {
        self.notes.until(&format!("request {nth}"), |seen| seen.requests.get(nth).cloned()).await
    }

    /// When the connection that brought request `nth` was seen to end, waited for.
    pub async fn closed(&self, nth: usize) -> Instant {
        let connection = self.request(nth).await.connection;
        self.notes
            .until(&format!("the end of the connection of request {nth}"), |seen| {
                seen.closed.get(connection).copied().flatten()
            })
            .await
    }
}

/// One accepted connection, in the hands of a behaviour.
#[derive(Debug)]
pub struct Connection {
    stream: Option<TcpStream>,
    index: usize,
    notes: Arc<Notes>,
    unread: Vec<u8>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stream = None;
        self.note_end();
    }
}

impl Connection {
    /// Which connection of its server this is, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    fn note_end(&self) {
        let index = self.index;
        self.notes.note(|seen| {
            if let Some(end @ None) = seen.closed.get_mut(index) {
                *end = Some(Instant::now());
            }
        });
    }

    fn stream(&mut self) -> io::Result<&mut TcpStream> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    async fn more(&mut self) -> io::Result<usize> {
        let mut piece = vec![0; 64 * 1024];
        let n = self.stream()?.read(&mut piece).await;
        if !matches!(n, Ok(n) if n > 0) {
            self.note_end();
        }
        let n = n?;
        self.unread.extend_from_slice(&piece[..n]);
        Ok(n)
    }

    /// Reads one request whole and records it. `None`: the peer closed between requests.
    pub async fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.head().await? else {
            return Ok(None);
        };
        let body = if header_values(&head, "transfer-encoding").iter().any(|v| v.eq_ignore_ascii_case("chunked")) {
            self.chunked().await?
        } else {
            let length = header_values(&head, "content-length").first().and_then(|v| v.parse().ok()).unwrap_or(0);
            self.exactly(length).await?
        };
        let request = Request { connection: self.index, head, body, at: Instant::now() };
        self.notes.note(|seen| seen.requests.push(request.clone()));
        Ok(Some(request))
    }

    /// Reads a request's head alone; nothing is recorded.
    pub async fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                return Ok(Some(self.unread.drain(..end + 4).collect()));
            }
            if self.more().await? == 0 {
                return if self.unread.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            if self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(end) = find(&self.unread, b"\r\n") {
                    break self.unread.drain(..end + 2).collect::<Vec<u8>>();
                }
                if self.more().await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            };
            let text = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(text.trim().split(';').next().unwrap_or_default(), 16)
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            let piece = self.exactly(size + 2).await?;
            body.extend_from_slice(&piece[..size]);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = self.stream()?.write_all(bytes).await;
        if result.is_err() {
            self.note_end();
        }
        result
    }

    /// Sends one piece in chunked framing; an empty piece sends nothing.
    pub async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
        framed.extend_from_slice(bytes);
        framed.extend_from_slice(b"\r\n");
        self.send(&framed).await
    }

    /// Lets time pass, and ends with an error at once if the peer leaves meanwhile.
    pub async fn pause(&mut self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Ok(()),
                more = self.more() => if more? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                },
            }
        }
    }

    /// Says nothing more until the peer leaves.
    pub async fn until_closed(&mut self) -> io::Result<()> {
        while self.more().await? > 0 {}
        Ok(())
    }

    /// Ends the connection with a RST instead of a FIN.
    pub fn reset(mut self) {
        if let Some(stream) = self.stream.take() {
            let _ = stream.set_zero_linger();
        }
        self.note_end();
    }
}

/// Where `needle` first stands in `hay`.
#[must_use]
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|w| w == needle)
}

/// Every value of a header in a raw head, trimmed.
#[must_use]
pub fn header_values(head: &[u8], name: &str) -> Vec<String> {
    String::from_utf8_lossy(head)
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim().to_owned())
        .collect()
}
