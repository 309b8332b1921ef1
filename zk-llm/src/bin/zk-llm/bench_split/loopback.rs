//! A miner behind a socket of this machine, so that online figures include transport.
//!
//! A question is the matrix' number (4 bytes), a length (4 bytes) and bodies; an answer is a length and
//! products.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use zk_llm::split::{product, Matrix};

pub struct Miner {
    stream: TcpStream,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Miner {
    pub fn start(matrices: Arc<Vec<Matrix>>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        stream.set_nodelay(true)?;
        let thread = std::thread::spawn(move || serve(&listener, &matrices));
        Ok(Self { stream, thread })
    }

    /// Products of bodies with a matrix.
    pub fn multiply(&mut self, matrix: u32, bodies: &[u8]) -> anyhow::Result<Vec<u8>> {
        let question = [
            &matrix.to_le_bytes(),
            &(bodies.len() as u32).to_le_bytes(),
            bodies,
        ]
        .concat();
        self.stream.write_all(&question)?;
        read(&mut self.stream)
    }

    /// Ends the connection and with it the miner.
    pub fn stop(self) -> anyhow::Result<()> {
        drop(self.stream);
        self.thread
            .join()
            .map_err(|_| anyhow::anyhow!("the miner's thread failed"))?
    }
}

fn serve(listener: &TcpListener, matrices: &[Matrix]) -> anyhow::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut number = [0; 4];
    // The client closes the stream when it is done.
    while stream.read_exact(&mut number).is_ok() {
        let bodies = read(&mut stream)?;
        let matrix = matrices
            .get(u32::from_le_bytes(number) as usize)
            .context("no such matrix")?;
        let products = product(matrix, &bodies)?;
        stream.write_all(&[&(products.len() as u32).to_le_bytes(), products.as_slice()].concat())?;
    }
    Ok(())
}

fn read(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
