//! Contents of Parquet files, read by a library that shares no code with the writer.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

/// Fails unless `NAME.parquet` and `NAME.csv` in a folder have the same columns and values, and the
/// Parquet file its provenance; returns the number of rows.
pub fn assert_same_as_csv(folder: &Path, name: &str) -> usize {
    let file =
        File::open(folder.join(name).with_extension("parquet")).expect("the program wrote it");
    let table = SerializedFileReader::new(file).expect("a valid file");
    let metadata = table.metadata().file_metadata();
    let pairs = metadata.key_value_metadata().expect("there are metadata");
    let provenance = pairs.iter().find(|pair| pair.key == "rescuesim").expect("provenance");
    assert!(provenance.value.as_ref().is_some_and(|json| json.contains("\"seed\":")));

    let mut csv = csv::Reader::from_path(folder.join(name).with_extension("csv"))
        .expect("the program wrote it");
    let header = csv.headers().expect("a header").clone();
    let columns = metadata.schema_descr().columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    assert_eq!(names, header.iter().collect::<Vec<_>>());
    let mut rows = table.get_row_iter(None).expect("rows");
    let mut count = 0;
    for record in csv.records() {
        let record = record.expect("a row");
        let row = rows.next().expect("as many rows as in CSV").expect("a row");
        for (text, (column, field)) in record.iter().zip(row.get_column_iter()) {
            assert!(
                is_same(text, field),
                "row {count}, {column}: {text} in CSV, {field} in Parquet"
            );
        }
        count += 1;
    }
    assert!(rows.next().is_none(), "more than {count} rows");
    count
}

fn is_same(text: &str, field: &Field) -> bool {
    match field {
        Field::Null => text.is_empty(),
        Field::Bool(value) => text == if *value { "TRUE" } else { "FALSE" },
        Field::UInt(value) => text == value.to_string(),
        Field::ULong(value) => text == value.to_string(),
        Field::Double(value) => text.parse() == Ok(*value),
        Field::Str(value) => text == value,
        other => panic!("no column has the type of {other}"),
    }
}
