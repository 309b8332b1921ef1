//! Programs under test: started with a log file each, and never left behind.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, Context};

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// Ports to listen on: below those from which Linux takes the near ends of connections.
const PORTS: Range<u16> = 12_000..32_000;
/// Ports between the first of this program and of one whose process id is the next.
const PORTS_APART: u32 = 97;

/// Path of one of the workspace's programs: in the directory `BASED_BIN`, else beside this one, as cargo puts them.
///
/// # Errors
/// If it was not built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let dir = match std::env::var_os("BASED_BIN") {
        Some(dir) => PathBuf::from(dir),
        None => {
            let own = std::env::current_exe()?;
            let dir = own.parent().context("no directory")?;
            let dir = if dir.ends_with("deps") {
                dir.parent().context("no directory")?
            } else {
                dir
            };
            dir.to_owned()
        }
    };
    let path = dir.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        bail!("{} is missing; build it first: scripts/build", path.display())
    }
}

/// A running program.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program of the workspace; its output is appended to `dir`/`name`.log.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start<S: AsRef<std::ffi::OsStr>>(
        name: &str,
        binary: &str,
        args: impl IntoIterator<Item = S>,
        env: &[(&str, &str)],
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let binary = program(binary)?;
        let log = dir.join(format!("{name}.log"));
        let out = OpenOptions::new().create(true).append(true).open(&log)?;
        let child = tied(&binary)
            .args(args)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self {
            name: name.into(),
            child,
            log,
        })
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails with the end of its log if the program has ended.
    ///
    /// # Errors
    /// If it has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended ({status}):\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// Asks the program to end (SIGTERM) and waits; kills it if it does not.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        signal(self.pid(), "TERM");
        let begin = Instant::now();
        while begin.elapsed() < GRACE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.kill()?;
        bail!(
            "{} did not end within {} s of SIGTERM:\n{}",
            self.name,
            GRACE.as_secs(),
            self.tail()
        )
    }

    /// Kills the program at once (SIGKILL), as a crash would.
    ///
    /// # Errors
    /// On failures of the system.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let text = self.output();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Its log, or the last MiB of it.
    pub fn output(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(1 << 20)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }

    /// Memory: resident now and at its peak, in bytes.
    ///
    /// # Errors
    /// If the program has ended.
    pub fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let field = |name: &str| -> anyhow::Result<u64> {
            let line = status
                .lines()
                .find(|line| line.starts_with(name))
                .context("no such field")?;
            let kib: u64 = line.split_whitespace().nth(1).context("no value")?.parse()?;
            Ok(kib << 10)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.stop().is_err() {
            let _ = self.kill();
        }
    }
}

/// Runs a program to its end and returns its output.
///
/// # Errors
/// If it fails; the message is what it said.
pub async fn run(binary: &str, args: &[String]) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(program(binary)?);
    let output = command
        .args(args)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    finished(binary, args.iter().map(String::as_str), output)
}

/// What a program that ended printed.
///
/// # Errors
/// What it said, if it failed.
pub fn finished<'a>(
    binary: &str,
    args: impl Iterator<Item = &'a str>,
    output: std::process::Output,
) -> anyhow::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let args: Vec<&str> = args.collect();
    let said = [output.stderr, output.stdout].concat();
    bail!(
        "{binary} {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&said).trim()
    )
}

/// A command that the kernel ends when this program dies by any means, where `setpriv` is at hand.
fn tied(binary: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if setpriv.exists() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "TERM", "--"]).arg(binary);
        command
    } else {
        Command::new(binary)
    }
}

fn signal(pid: u32, name: &str) {
    // The shell's builtin: no C binding, no package.
    let _ = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -s {name} {pid}"))
        .status();
}

/// A TCP port of the loopback address that is free now, and that the system gives to no outgoing connection.
///
/// # Errors
/// If none is.
pub fn free_port() -> anyhow::Result<u16> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Programs that run beside this one start elsewhere.
    let own = std::process::id().wrapping_mul(PORTS_APART);
    for _ in PORTS {
        let next = own.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + (next % u32::from(PORTS.end - PORTS.start)) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no TCP port of {PORTS:?} is free")
}
