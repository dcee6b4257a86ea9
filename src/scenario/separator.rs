//! Separators of CSV files of another convention.

/// Separators of columns that spreadsheets use in place of commas, by locale.
const OTHERS: [(char, &str); 3] = [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];

/// Returns the problem of a header whose columns are not separated by commas; `None` if it has commas,
/// or none of the usual separators.
pub(super) fn problem(header: &csv::StringRecord) -> Option<String> {
    // Without commas the whole line is one column.
    let only = header.get(0).filter(|_| header.len() == 1)?;
    let (_, name) = OTHERS.into_iter().find(|(sign, _)| only.contains(*sign))?;
    Some(format!("columns are separated by {name}; expected commas"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_without_commas_is_named_by_its_separator() {
        let header = |cells: &[&str]| csv::StringRecord::from(cells);
        let problem = |cells: &[&str]| problem(&header(cells));
        let semicolons = "columns are separated by semicolons; expected commas";
        assert_eq!(problem(&["arm;mrs"]).as_deref(), Some(semicolons));
        assert_eq!(problem(&["arm", "a;b"]), None);
        assert_eq!(problem(&["arm"]), None);
    }
}
