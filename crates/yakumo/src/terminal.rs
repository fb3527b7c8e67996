//! Where text goes: stdout and stderr, with colours only where a person reads.
//!
//! Invariant: text that came from a cloud reaches the terminal only through `printable`, so that no name and no
//! error message can send it escape sequences.

use crate::failure::Failure;
use std::io::{self, BufRead, IsTerminal, Write};

/// How a piece of text is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    /// As it is.
    Plain,
    /// Secondary.
    Dim,
    /// A heading, a name.
    Strong,
    /// Allowed, real, ready.
    Good,
    /// Worth a look.
    Warn,
    /// Denied, failed.
    Bad,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Paint::Plain => "",
            Paint::Dim => "\x1b[2m",
            Paint::Strong => "\x1b[1m",
            Paint::Good => "\x1b[32m",
            Paint::Warn => "\x1b[33m",
            Paint::Bad => "\x1b[31m",
        }
    }
}

/// One of the two output streams.
pub struct Terminal {
    out: Box<dyn Write>,
    is_terminal: bool,
    colour: bool,
}

impl Terminal {
    /// For answers.
    pub fn stdout() -> Terminal {
        Terminal::of(Box::new(io::stdout()), io::stdout().is_terminal())
    }

    /// For failures, hints and progress.
    pub fn stderr() -> Terminal {
        Terminal::of(Box::new(io::stderr()), io::stderr().is_terminal())
    }

    fn of(out: Box<dyn Write>, is_terminal: bool) -> Terminal {
        // NO_COLOR counts when it is set and not empty: https://no-color.org
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Terminal { out, is_terminal, colour: is_terminal && !unwanted && !dumb }
    }

    /// Whether a person reads this stream.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether colours are wanted here.
    pub fn has_colour(&self) -> bool {
        self.colour
    }

    /// The text in its colour, or as it is where colours are not wanted.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if self.colour && paint != Paint::Plain {
            format!("{}{text}\x1b[0m", paint.code())
        } else {
            text.to_owned()
        }
    }

    /// Writes one line.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Writes a value as indented JSON.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        Ok(self.line(&text)?)
    }

    /// Says what went wrong and what to do.
    pub fn failure(&mut self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let head = self.paint(Paint::Bad, "error:");
        // A stderr that is gone leaves nobody to tell.
        let _ = self.line(&format!("{head} {}", printable(&failure.message)));
        if let Some(advice) = &failure.advice {
            let head = self.paint(Paint::Strong, "  try:");
            let _ = self.line(&format!("{head} {}", printable(advice)));
        }
    }

    /// Asks a person; anything but `y` or `yes` is no. Not a terminal on both ends: no.
    pub fn confirm(&mut self, question: &str) -> io::Result<bool> {
        if !self.is_terminal || !io::stdin().is_terminal() {
            return Ok(false);
        }
        write!(self.out, "{question} [y/N] ")?;
        self.out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// The text without control characters; lines stay lines.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Paint, Terminal, printable};

    #[test]
    fn escape_sequences_do_not_pass() {
        assert_eq!(printable("a\x1b[2Jb\nc\r"), "a\u{fffd}[2Jb\nc\u{fffd}");
    }

    #[test]
    fn what_is_not_a_terminal_has_no_colours() {
        let plain = Terminal::of(Box::new(Vec::new()), false);
        assert_eq!(plain.paint(Paint::Bad, "denied"), "denied");
        let colourful = Terminal { out: Box::new(Vec::new()), is_terminal: true, colour: true };
        assert_eq!(colourful.paint(Paint::Bad, "denied"), "\x1b[31mdenied\x1b[0m");
        assert_eq!(colourful.paint(Paint::Plain, "x"), "x");
    }
}
