//! Tables without borders: columns that line up, easy to read and easy to `grep`.

use crate::terminal::{Paint, Terminal, printable};
use std::io;

/// One cell.
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// A cell in a colour.
    pub fn new(text: impl AsRef<str>, paint: Paint) -> Cell {
        Cell { text: printable(text.as_ref()).replace('\n', " "), paint }
    }

    /// A cell without a colour.
    pub fn plain(text: impl AsRef<str>) -> Cell {
        Cell::new(text, Paint::Plain)
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Rows under a heading.
pub struct Table {
    head: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new(headings: &[&str]) -> Table {
        Table { head: headings.iter().map(|text| Cell::new(text, Paint::Dim)).collect(), rows: Vec::new() }
    }

    /// A list of facts: names on the left, no heading.
    pub fn facts() -> Table {
        Table { head: Vec::new(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: impl AsRef<str>) {
        self.row(vec![Cell::new(name, Paint::Dim), Cell::plain(value)]);
    }

    /// Writes the table.
    pub fn write(&self, to: &mut Terminal) -> io::Result<()> {
        let lines = (!self.head.is_empty()).then_some(&self.head).into_iter().chain(&self.rows);
        let widths = lines.clone().fold(Vec::new(), |widths, row| widen(widths, row));
        for row in lines {
            to.line(&line(to, row, &widths))?;
        }
        Ok(())
    }
}

/// One row at widths that were fixed beforehand, for tables that grow while they are read. Longer cells are not cut.
pub fn line(to: &Terminal, row: &[Cell], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, cell) in row.iter().enumerate() {
        text.push_str(&to.paint(cell.paint, &cell.text));
        if index + 1 < row.len() {
            let width = widths.get(index).copied().unwrap_or(0);
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn widen(mut widths: Vec<usize>, row: &[Cell]) -> Vec<usize> {
    widths.resize(widths.len().max(row.len()), 0);
    for (width, cell) in widths.iter_mut().zip(row) {
        *width = (*width).max(cell.width());
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::{Cell, line, widen};
    use crate::terminal::Terminal;

    #[test]
    fn columns_line_up_and_the_last_has_no_tail() {
        let rows = [["a", "bb", "c"], ["aaaa", "b", ""]].map(|row| row.map(Cell::plain));
        let widths = rows.iter().fold(Vec::new(), |widths, row| widen(widths, row));
        let to = Terminal::stderr();
        let lines: Vec<String> = rows.iter().map(|row| line(&to, row, &widths)).collect();
        assert_eq!(lines, ["a     bb  c", "aaaa  b"]);
    }
}
