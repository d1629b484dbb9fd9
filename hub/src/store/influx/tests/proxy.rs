//! Stands before a real InfluxDB and spoils some of its answers.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is passed on.
    None,
    /// Refused for now, to be sent again after so many seconds.
    TooMany(u32),
    /// Refused with an error of the server.
    Broken,
    /// Not passed on, and no answer.
    Unheard,
    /// Passed on, and no answer.
    Lost,
    /// Passed on, and half an answer.
    Cut,
    /// Passed on, and the answer comes byte by byte.
    Slow,
}

/// A server's address that spoils answers in the order it was told to, and then no more.
pub(super) struct Proxy {
    pub(super) url: String,
    faults: Arc<Mutex<VecDeque<Fault>>>,
}

/// How much of a server is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    All,
    /// What writes and asks, and nothing to look after buckets with.
    WriteAndQuery,
}

impl Shows {
    fn has(self, path: &str) -> bool {
        let named = |name: &str| path.starts_with(name);
        self == Self::All || ["/api/v2/write?", "/api/v2/query?"].into_iter().any(named)
    }
}

impl Proxy {
    pub(super) fn before(server: &str) -> Self {
        Self::showing(server, Shows::All)
    }

    /// As of a server that has nothing but the interface to write and to ask.
    pub(super) fn of_write_and_query(server: &str) -> Self {
        Self::showing(server, Shows::WriteAndQuery)
    }

    fn showing(server: &str, shows: Shows) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults: Arc<Mutex<VecDeque<Fault>>> = Arc::default();
        let (server, coming) = (server.to_owned(), Arc::clone(&faults));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, coming) = (server.clone(), Arc::clone(&coming));
                thread::spawn(move || serve(&stream.unwrap(), (&server, shows), &coming));
            }
        });
        Self { url, faults }
    }

    /// From now on nothing is spoiled.
    pub(super) fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// The next requests fail like this.
    pub(super) fn spoil(&self, faults: &[Fault]) {
        self.faults.lock().unwrap().extend(faults);
    }
}

/// One connection: request after request, until one of them ends it.
fn serve(stream: &TcpStream, (server, shows): (&str, Shows), faults: &Mutex<VecDeque<Fault>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader) {
        let fault = faults.lock().unwrap().pop_front().unwrap_or(Fault::None);
        let answer = match fault {
            Fault::TooMany(after) => Answer::of(429, after, "{\"message\":\"too many\"}"),
            Fault::Broken => Answer::of(500, 0, "{\"message\":\"an internal error\"}"),
            Fault::Unheard => return,
            _ if !shows.has(&request.path) => Answer::of(404, 0, "{\"message\":\"not found\"}"),
            _ => request.pass_on(server),
        };
        let text = answer.text();
        let mut out = stream;
        let written = match fault {
            Fault::Lost => return,
            Fault::Cut => {
                let _ = out.write_all(&text[..text.len() - answer.body.len() / 2 - 3]);
                return;
            }
            Fault::Slow => text.iter().try_for_each(|byte| {
                out.write_all(&[*byte])?;
                out.flush()
            }),
            _ => out.write_all(&text),
        };
        if written.is_err() {
            return;
        }
    }
}

struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(reader: &mut BufReader<&TcpStream>) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, length)| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            path,
            headers,
            body,
        })
    }

    fn pass_on(&self, server: &str) -> Answer {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let mut sent = agent.post(format!("{server}{}", self.path));
        for (name, value) in &self.headers {
            if matches!(
                &**name,
                "authorization" | "content-type" | "content-encoding"
            ) {
                sent = sent.header(name, value);
            }
        }
        let mut said = sent.send(&self.body[..]).unwrap();
        Answer {
            status: said.status().as_u16(),
            after: 0,
            body: said.body_mut().read_to_vec().unwrap(),
        }
    }
}

struct Answer {
    status: u16,
    after: u32,
    body: Vec<u8>,
}

impl Answer {
    fn of(status: u16, after: u32, body: &str) -> Self {
        Self {
            status,
            after,
            body: body.as_bytes().to_vec(),
        }
    }

    fn text(&self) -> Vec<u8> {
        let after = match self.after {
            0 => String::new(),
            seconds => format!("Retry-After: {seconds}\r\n"),
        };
        let length = self.body.len();
        // An answer without a body has no length either.
        let length = match self.status {
            204 => String::new(),
            _ => format!("Content-Length: {length}\r\n"),
        };
        let mut text = format!("HTTP/1.1 {} x\r\n{after}{length}\r\n", self.status).into_bytes();
        text.extend(&self.body);
        text
    }
}
