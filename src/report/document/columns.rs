//! Tables stated column by column, or row by row: each with its name beside what writes its cells.

use super::Document;
use crate::report::csv::CsvTable;

/// A table with a row for each item.
pub(in crate::report) struct Columns<T> {
    items: Vec<T>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl<T> Columns<T> {
    /// Starts a table without columns.
    pub fn of(items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<T> = items.into_iter().collect();
        Self { header: Vec::new(), rows: vec![Vec::new(); items.len()], items }
    }

    /// Adds a column.
    pub fn column<C: Into<String>>(
        mut self,
        header: impl Into<String>,
        cell: impl Fn(&T) -> C,
    ) -> Self {
        self.header.push(header.into());
        for (row, item) in self.rows.iter_mut().zip(&self.items) {
            row.push(cell(item).into());
        }
        self
    }

    /// Adds a column if it is shown.
    pub fn column_if<C: Into<String>>(
        self,
        is_shown: bool,
        header: impl Into<String>,
        cell: impl Fn(&T) -> C,
    ) -> Self {
        if is_shown { self.column(header, cell) } else { self }
    }

    /// Ends the table.
    pub fn document(self) -> Document {
        let header: Vec<&str> = self.header.iter().map(String::as_str).collect();
        Document::of_table(&header, self.rows)
    }

    /// Ends the table, whose headers and cells are those of a file.
    pub fn csv(self) -> CsvTable {
        CsvTable { header: self.header, rows: self.rows }
    }
}

/// A table with a column for each item.
pub(in crate::report) struct Rows<'t, T> {
    items: &'t [T],
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl<'t, T> Rows<'t, T> {
    /// Starts a table without rows; `corner` heads the names of the rows, and `name` the column of an item.
    pub fn of(items: &'t [T], corner: &str, name: impl Fn(&T) -> String) -> Self {
        let mut table = Self { items, header: Vec::new(), rows: Vec::new() };
        table.header = table.cells(corner, name);
        table
    }

    /// Adds a row.
    pub fn row(mut self, name: &str, cell: impl Fn(&T) -> String) -> Self {
        self.rows.push(self.cells(name, cell));
        self
    }

    /// Adds a row if it is shown.
    pub fn row_if(self, is_shown: bool, name: &str, cell: impl Fn(&T) -> String) -> Self {
        if is_shown { self.row(name, cell) } else { self }
    }

    fn cells(&self, name: &str, cell: impl Fn(&T) -> String) -> Vec<String> {
        std::iter::once(name.to_owned()).chain(self.items.iter().map(cell)).collect()
    }

    /// Ends the table.
    pub fn document(self) -> Document {
        let header: Vec<&str> = self.header.iter().map(String::as_str).collect();
        Document::of_table(&header, self.rows)
    }
}
