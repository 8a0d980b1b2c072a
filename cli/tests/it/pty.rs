//! Runs the program on a terminal: what it sends is shown by [`Screens`], what is typed comes to it.

use std::fs::File;
use std::io::{Read as _, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Pid;
use rustix::termios::{LocalModes, tcgetattr};

use crate::screens::Screens;
use crate::support::{CACHE, RUN_TIME_MAX, Scene, VARIABLES_REMOVED, Watchdog};

/// Between two looks at whether the program is still there.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// A program on a terminal. Dropped, it is killed.
pub(crate) struct Session {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// Kept, so that modes can be looked at when the program has ended.
    slave: Option<Box<dyn SlavePty + Send>>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<Seen>,
    reader: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    screens: Option<Screens>,
    /// All that was sent.
    bytes: Vec<u8>,
}

/// What is left of a session.
pub(crate) struct Recorded {
    pub(crate) code: u32,
    pub(crate) screens: Screens,
    pub(crate) bytes: Vec<u8>,
}

/// What differs from one session to the other.
pub(crate) struct Setting<'a> {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
    pub(crate) variables: &'a [(&'a str, &'a str)],
}

impl Setting<'_> {
    /// A terminal without colours.
    pub(crate) fn of(columns: u16, rows: u16) -> Self {
        Setting {
            columns,
            rows,
            variables: &[("NO_COLOR", "1")],
        }
    }
}

impl Session {
    /// Starts the program with these arguments, in the folder of the job file.
    pub(crate) fn start(scene: &Scene, setting: &Setting<'_>, args: &[&str]) -> Self {
        Self::start_program(scene, setting, env!("CARGO_BIN_EXE_mesosgot"), args)
    }

    /// Starts a shell that does this; the program is `$0` there.
    pub(crate) fn start_shell(scene: &Scene, setting: &Setting<'_>, script: &str) -> Self {
        let args = ["-c", script, env!("CARGO_BIN_EXE_mesosgot")];
        Self::start_program(scene, setting, "sh", &args)
    }

    fn start_program(scene: &Scene, setting: &Setting<'_>, program: &str, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(scene.folder());
        for variable in VARIABLES_REMOVED {
            command.env_remove(variable);
        }
        let (name, value) = CACHE.into();
        let tmp = scene.tmp().display().to_string();
        let common = [("TERM", "xterm-256color"), ("TMPDIR", &tmp), (name, value)];
        for (name, value) in common.iter().chain(setting.variables) {
            command.env(name, value);
        }
        let pair = native_pty_system().openpty(size(setting.columns, setting.rows));
        let pair = pair.expect("there is a terminal");
        let child = pair.slave.spawn_command(command).expect("it starts");
        let mut output = pair.master.try_clone_reader().expect("it can be read");
        let seen = Arc::new(Seen::default());
        seen.lock().screens = Some(Screens::new(setting.columns, setting.rows));
        let reader = thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                let mut bytes = [0; 4096];
                // A terminal that nobody has any more is an error to whoever reads it.
                while let Ok(count @ 1..) = output.read(&mut bytes) {
                    seen.take(&bytes[..count]);
                }
            }
        });
        Self {
            child,
            keyboard: pair.master.take_writer().expect("it is taken once"),
            master: pair.master,
            slave: Some(pair.slave),
            seen,
            reader: Some(reader),
        }
    }

    /// Waits until the terminal shows something, and answers what.
    #[track_caller]
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&mut Screens) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + RUN_TIME_MAX;
        loop {
            // Before, so that nothing of what it said last is missed.
            let has_ended = self
                .child
                .try_wait()
                .expect("it can be waited for")
                .is_some();
            let mut found = None;
            let is_missing = |state: &mut State| {
                found = wanted(state.screens.as_mut().expect("the session goes on"));
                found.is_none()
            };
            let state = self.seen.lock();
            let changed = &self.seen.changed;
            let waited = changed.wait_timeout_while(state, LOOK_INTERVAL, is_missing);
            let (mut state, _) = waited.expect("no holder of this lock panics");
            if let Some(found) = found {
                return found;
            }
            let goes_on = !has_ended && Instant::now() < deadline;
            assert!(goes_on, "no {what}:\n{}", state.shown());
        }
    }

    /// Waits until a row of the terminal contains this text.
    #[track_caller]
    pub(crate) fn wait_for_row(&mut self, text: &str) {
        self.wait_for(text, |screens| {
            screens
                .rows()
                .iter()
                .any(|row| row.contains(text))
                .then_some(())
        });
    }

    /// Presses these keys.
    pub(crate) fn press(&mut self, keys: &str) {
        let pressed = self.keyboard.write_all(keys.as_bytes());
        pressed
            .and_then(|()| self.keyboard.flush())
            .expect("the terminal is there");
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        // Both at once, for whatever comes meanwhile.
        let mut state = self.seen.lock();
        let screens = state.screens.as_mut().expect("the session goes on");
        screens.resize(columns, rows);
        let resized = self.master.resize(size(columns, rows));
        resized.expect("the terminal is there");
    }

    /// Whether what is typed is echoed.
    pub(crate) fn echoes(&self) -> bool {
        let name = self.master.tty_name().expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let terminal = File::from(open(name, flags, Mode::empty()).expect("it is there"));
        let modes = tcgetattr(terminal).expect("it is a terminal");
        modes.local_modes.contains(LocalModes::ECHO)
    }

    /// The process that was started.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.process_id().expect("it is a process")
    }

    /// What is shown at the moment.
    pub(crate) fn rows(&self) -> Vec<String> {
        let state = self.seen.lock();
        state.screens.as_ref().expect("the session goes on").rows()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Recorded {
        let pid = i32::try_from(self.process_id())
            .ok()
            .and_then(Pid::from_raw);
        let pid = pid.expect("it is the id of a process");
        let watchdog = Watchdog::start(pid);
        let status = self.child.wait().expect("it can be waited for");
        watchdog.stop();
        assert!(
            self.echoes(),
            "the terminal echoes again:\n{}",
            self.seen.lock().shown()
        );
        // Its last holder goes, and with it what is read.
        drop(self.slave.take());
        let reader = self.reader.take().expect("it is taken once");
        reader.join().expect("the reader does not panic");
        let mut state = self.seen.lock();
        let screens = state.screens.take().expect("it is taken once");
        assert!(!screens.screen().hide_cursor(), "the cursor is seen again");
        assert!(!screens.screen().alternate_screen());
        Recorded {
            code: status.exit_code(),
            screens,
            bytes: std::mem::take(&mut state.bytes),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After `finish` there is nothing left to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn take(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.bytes.extend_from_slice(bytes);
        if let Some(screens) = &mut state.screens {
            screens.process(bytes);
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    /// For the text of a failure.
    fn shown(&mut self) -> String {
        let screens = self.screens.as_mut();
        screens.map_or_else(String::new, |screens| screens.lines().join("\n"))
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}
