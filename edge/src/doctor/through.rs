//! The inputs as a running agent sees them: it holds the lines, so it is asked.

use std::{io, path::Path, time::Duration};

use gatepost_model::BootId;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixStream,
};

use crate::{
    agent::tap,
    core::out::OutputChange,
    hal::Board,
    input::{Input, InputNames},
    time::BoardTime,
};

/// An agent that has seen an input since it started says at once how things stand.
const AGENT_ANSWERS: Duration = Duration::from_secs(3);

/// A board that is another's: it is looked at, and its outputs are left alone.
#[derive(Debug)]
pub(super) struct Through {
    stream: BufReader<UnixStream>,
    names: InputNames,
    line: Vec<u8>,
}

impl Through {
    /// Asks the agent that runs on a data directory, if one does, and waits until it has answered:
    /// what happens from then on is seen. None if nobody listens there; an error if it is not known
    /// whether somebody does.
    pub(super) async fn connect(data: &Path, names: &InputNames) -> io::Result<Option<Self>> {
        let stream = match UnixStream::connect(data.join(tap::NAME)).await {
            Ok(stream) => stream,
            Err(error) => {
                use io::ErrorKind::{ConnectionRefused, NotFound};
                let nobody = matches!(error.kind(), NotFound | ConnectionRefused);
                return if nobody { Ok(None) } else { Err(error) };
            }
        };
        let mut stream = BufReader::new(stream);
        // One that has seen nothing yet is looked through all the same.
        let _ = tokio::time::timeout(AGENT_ANSWERS, stream.fill_buf()).await;
        Ok(Some(Self {
            stream,
            names: names.clone(),
            line: Vec::new(),
        }))
    }
}

impl Board for Through {
    async fn inputs(&mut self, _: Option<BoardTime>, inputs: &mut Vec<Input>) -> io::Result<()> {
        // Cancel-safe: what was read of a line stays in `line`.
        while inputs.is_empty() {
            let read = self.stream.read_until(b'\n', &mut self.line).await?;
            if read == 0 {
                return Err(io::Error::other("the agent has ended"));
            }
            // An input that only the agent's configuration names is none of ours.
            inputs.extend(self.names.read(self.line.trim_ascii_end()).ok());
            self.line.clear();
        }
        Ok(())
    }

    fn set_output(&mut self, _: OutputChange) {}

    fn confirm(&mut self, _: &BootId, _: BoardTime) {}

    fn flush(&mut self) {}
}
