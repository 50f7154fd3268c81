//! Version 1 of the format, byte by byte.

use super::*;

#[test]
fn version_1_is_written_as_ever() {
    let place = folder();
    let rows = vec![vec![set(2, "b", "y"), delete(2, "c")], vec![set(1, "a", "x"), set(255, "", "")]];
    open(place.path()).write(7, &json!({"journal": [12, "a"]}), rows).unwrap();
    let run = fs::read(place.path().join(names::run(1))).unwrap();
    let hex: String = run.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, RUN.concat());
    assert_eq!(fs::read_to_string(place.path().join(names::manifest(1))).unwrap(), MANIFEST);
}

#[test]
fn version_1_is_read_as_ever() {
    let place = folder();
    let pairs: Vec<char> = RUN.concat().chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    let run: Vec<u8> = pairs.chunks(2).map(byte).collect();
    fs::write(place.path().join("run-00000000000000000001.rows"), run).unwrap();
    fs::write(place.path().join("checkpoint-00000000000000000001.json"), MANIFEST).unwrap();
    let checkpoint = open(place.path()).newest_good().unwrap().checkpoint.unwrap();
    assert_eq!((checkpoint.number(), checkpoint.tick()), (1, 7));
    assert_eq!(checkpoint.meta(), &json!({"journal": [12, "a"]}));
    let rows: Vec<Row> = checkpoint.rows(|_| true).map(Result::unwrap).collect();
    assert_eq!(rows, [set(1, "a", "x"), set(2, "b", "y"), set(255, "", "")]);
}

const RUN: [&str; 24] = [
    // magic
    "53484f504252554e",
    // version
    "01000000",
    // row 1 a = x
    "0101000000010000006178",
    // row 2 b = y
    "0201000000010000006279",
    // row 2 c deleted
    "0201000000ffffffff63",
    // row 255 empty = empty
    "ff0000000000000000",
    // index: blocks
    "02000000",
    // length
    "20000000",
    // checksum
    "43aed249",
    // rows
    "03000000",
    // first place
    "010100000061",
    // length
    "09000000",
    // checksum
    "29dc402c",
    // rows
    "01000000",
    // first place
    "ff00000000",
    // buckets
    "0300",
    // 1: first block, end
    "010000000001000000",
    // 2
    "020000000001000000",
    // 255
    "ff0100000002000000",
    // footer: length of the index
    "4400000000000000",
    // its checksum
    "10576e90",
    // rows
    "0400000000000000",
    // deletions
    "0100000000000000",
    // checksum of the footer
    "253b4b34",
];
const MANIFEST: &str = r#"{
  "format": 1,
  "checkpoint": 1,
  "tick": 7,
  "runs": [
    {
      "run": 1,
      "tick": 7,
      "rows": 4,
      "deletions": 1,
      "bytes": 153,
      "checksum": 877345573,
      "lowest": {
        "bucket": 1,
        "key": "61"
      },
      "highest": {
        "bucket": 255,
        "key": ""
      }
    }
  ],
  "meta": {
    "journal": [
      12,
      "a"
    ]
  },
  "checksum": "1370d0c3"
}
"#;
