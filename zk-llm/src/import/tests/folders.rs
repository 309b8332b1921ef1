//! Checkpoints and models in folders: refused parts, damaged and hostile files.

use std::path::Path;

use serde_json::{json, Value};

use super::{copy, expected, import_folder, load};
use crate::error::Error;
use crate::import::exec::load_manifest;
use crate::import::{ClientPart, Dynamic, Output, SplitManifest, Weights, CLIENT_FILE, WEIGHTS_FILE};
use crate::manifest::{MANIFEST_FILE, TOKENIZER_FILE};

fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(file, json.to_string()).unwrap();
}

/// Imports a fixture whose configuration has one field changed.
fn with_field(name: &str, field: &str, value: Value) -> Error {
    let dir = copy(name);
    edit(&dir.path().join("config.json"), |config| config[field] = value);
    import_folder(dir.path(), &dir.path().join("out")).unwrap_err()
}

/// Takes a safetensors file apart and puts it together again with another header.
fn rewrite(file: &Path, change: impl FnOnce(&mut Value, &mut Vec<u8>)) {
    let bytes = std::fs::read(file).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut data = bytes[8 + length..].to_vec();
    change(&mut header, &mut data);
    let header = header.to_string();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(data);
    std::fs::write(file, out).unwrap();
}

#[test]
fn parts_that_are_not_run_are_refused_by_name() {
    for (fixture, field, value, named) in [
        ("llama", "model_type", json!("mistral"), "\"mistral\""),
        (
            "llama",
            "architectures",
            json!(["LlamaForTokenClassification"]),
            "LlamaForTokenClassification",
        ),
        ("llama", "hidden_act", json!("relu2"), "\"relu2\""),
        (
            "llama",
            "rope_parameters",
            json!({"rope_type": "yarn", "factor": 4.0}),
            "\"yarn\"",
        ),
        ("llama", "pretraining_tp", json!(2), "pretraining_tp"),
        (
            "llama",
            "quantization_config",
            json!({"bits": 4}),
            "quantization_config",
        ),
        ("llama", "auto_map", json!({"AutoModel": "x.Y"}), "auto_map"),
        ("gpt2", "architectures", json!(["GPT2Model"]), "GPT2Model"),
        (
            "gpt2",
            "scale_attn_by_inverse_layer_idx",
            json!(true),
            "scale_attn_by_inverse_layer_idx",
        ),
        ("gpt2", "scale_attn_weights", json!(false), "scale_attn_weights"),
        ("gpt2", "add_cross_attention", json!(true), "add_cross_attention"),
        (
            "bert-encoder",
            "position_embedding_type",
            json!("relative_key"),
            "relative_key",
        ),
        (
            "bert-encoder",
            "architectures",
            json!(["BertForMaskedLM"]),
            "BertForMaskedLM",
        ),
        ("bert-encoder", "is_decoder", json!(true), "is_decoder"),
    ] {
        let error = with_field(fixture, field, value);
        assert!(matches!(error, Error::Unsupported { .. }), "{field}: {error}");
        let text = error.to_string();
        assert!(
            text.contains(named) && text.contains("; use") || text.contains("; import"),
            "{text}"
        );
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    for (fixture, field, value) in [
        ("gpt2", "n_embd", json!(0)),
        ("gpt2", "n_embd", json!(17)),
        ("gpt2", "n_layer", json!(4_000_000_000u32)),
        ("gpt2", "n_layer", json!(-1)),
        ("gpt2", "n_layer", json!("two")),
        ("gpt2", "n_head", json!(0)),
        ("gpt2", "vocab_size", json!(57)),
        ("gpt2", "vocab_size", json!(1 << 20)),
        ("llama", "intermediate_size", json!(1 << 17)),
        ("gpt2", "layer_norm_epsilon", json!(-1.0)),
        ("llama", "num_key_value_heads", json!(3)),
        ("llama", "num_key_value_heads", json!(8)),
        ("llama", "head_dim", json!(5)),
        ("llama", "num_hidden_layers", json!(3)),
        ("bert-classifier", "id2label", json!({"1": "a", "2": "b"})),
        ("bert-classifier", "id2label", json!({"0": "a", "1": "b"})),
        ("bert-classifier", "type_vocab_size", json!(0)),
    ] {
        let error = with_field(fixture, field, value.clone());
        assert!(matches!(error, Error::Checkpoint(_)), "{field} {value}: {error}");
    }
    assert!(matches!(
        with_field("gpt2", "vocab_size", json!(20)),
        Error::Tokenizer(_) | Error::Checkpoint(_)
    ));
}

#[test]
fn tensors_of_no_known_part_are_refused_by_name() {
    let dir = copy("gpt2");
    rewrite(&dir.path().join("model.safetensors"), |header, data| {
        let end = data.len();
        header["lora_A.weight"] = json!({ "dtype": "F32", "shape": [1], "data_offsets": [end, end + 4] });
        data.extend([0; 4]);
    });
    let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
    assert!(error.to_string().contains("lora_A.weight"), "{error}");
}

#[test]
fn tensors_in_other_forms_are_refused_by_name() {
    for (form, bytes) in [("I32", 4), ("I8", 1)] {
        let dir = copy("gpt2");
        rewrite(&dir.path().join("model.safetensors"), |header, data| {
            let end = data.len();
            let entry =
                json!({ "dtype": form, "shape": [32, 16], "data_offsets": [end, end + 32 * 16 * bytes] });
            let old = header["transformer.wpe.weight"].take();
            header["transformer.h.0.attn.bias"] = old;
            header["transformer.wpe.weight"] = entry;
            data.resize(end + 32 * 16 * bytes, 0);
        });
        let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
        let named = |what: &str| what.contains("wpe") && what.contains(form);
        assert!(
            matches!(&error, Error::Unsupported { what, .. } if named(what)),
            "{error}"
        );
    }
}

#[test]
fn damaged_weights_are_refused() {
    let import = |change: &dyn Fn(&Path)| {
        let dir = copy("gpt2");
        change(&dir.path().join("model.safetensors"));
        import_folder(dir.path(), &dir.path().join("out")).unwrap_err()
    };
    let cases: [(&str, &dyn Fn(&Path)); 9] = [
        ("cut", &|file| {
            let bytes = std::fs::read(file).unwrap();
            std::fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("longer", &|file| {
            let mut bytes = std::fs::read(file).unwrap();
            bytes.push(0);
            std::fs::write(file, bytes).unwrap();
        }),
        ("empty", &|file| std::fs::write(file, b"").unwrap()),
        ("a header longer than the file", &|file| {
            std::fs::write(file, [255; 64]).unwrap()
        }),
        ("no JSON", &|file| {
            std::fs::write(file, [&4u64.to_le_bytes()[..], b"{{{{"].concat()).unwrap();
        }),
        ("not a number", &|file| {
            rewrite(file, |header, data| {
                let at = header["transformer.wpe.weight"]["data_offsets"][0]
                    .as_u64()
                    .unwrap() as usize;
                data[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
            });
        }),
        ("offsets that run backwards", &|file| {
            rewrite(file, |header, _| {
                header["transformer.wpe.weight"]["data_offsets"] = json!([8, 4])
            });
        }),
        ("a shape that overflows", &|file| {
            rewrite(file, |header, _| {
                header["transformer.wpe.weight"]["shape"] = json!([u64::MAX, 2, 8])
            });
        }),
        ("a missing tensor", &|file| {
            rewrite(file, |header, _| {
                let wpe = header
                    .as_object_mut()
                    .unwrap()
                    .remove("transformer.wpe.weight")
                    .unwrap();
                header["transformer.h.0.attn.bias"] = wpe;
            });
        }),
    ];
    for (what, change) in cases {
        let error = import(change);
        assert!(matches!(error, Error::Checkpoint(_)), "{what}: {error}");
    }
}

#[test]
fn checkpoints_without_safetensors_or_with_a_bad_tokenizer_are_refused() {
    let dir = copy("gpt2");
    std::fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    std::fs::write(dir.path().join("pytorch_model.bin"), b"pickle").unwrap();
    let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
    assert!(error.to_string().contains("safe_serialization=True"), "{error}");
    for bad in [
        &b"{}"[..],
        b"",
        br#"{"version":"1.0","model":{"type":"BPE","vocab":{},"merges":[]}}"#,
    ] {
        let dir = copy("gpt2");
        std::fs::write(dir.path().join(TOKENIZER_FILE), bad).unwrap();
        let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
        assert!(matches!(error, Error::Tokenizer(_)), "{error}");
    }
}

#[test]
fn a_checkpoint_in_several_files_gives_the_same_weights() {
    let dir = copy("llama");
    let whole = dir.path().join("model.safetensors");
    let shard = |keep: &dyn Fn(&str) -> bool, name: &str| {
        let path = dir.path().join(name);
        std::fs::copy(&whole, &path).unwrap();
        rewrite(&path, |header, data| {
            let (mut kept, mut bytes) = (serde_json::Map::new(), vec![]);
            for (name, entry) in header.as_object().unwrap().iter().filter(|(name, _)| keep(name)) {
                let span = |i: usize| entry["data_offsets"][i].as_u64().unwrap() as usize;
                let mut entry = entry.clone();
                let from = bytes.len();
                bytes.extend(&data[span(0)..span(1)]);
                entry["data_offsets"] = json!([from, bytes.len()]);
                kept.insert(name.clone(), entry);
            }
            *header = Value::Object(kept);
            *data = bytes;
        });
    };
    shard(
        &|name| name.contains("layers.1"),
        "model-00001-of-00002.safetensors",
    );
    shard(
        &|name| !name.contains("layers.1") && name != "__metadata__",
        "model-00002-of-00002.safetensors",
    );
    let single = import_folder(dir.path(), &dir.path().join("single"))
        .unwrap()
        .manifest;
    std::fs::remove_file(&whole).unwrap();
    let index = json!({ "weight_map": {
        "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors",
    }});
    let index_file = dir.path().join("model.safetensors.index.json");
    std::fs::write(&index_file, index.to_string()).unwrap();
    let several = import_folder(dir.path(), &dir.path().join("several"))
        .unwrap()
        .manifest;
    assert_eq!(
        (&single.linears, &single.files),
        (&several.linears, &several.files)
    );
    assert_eq!(several.source.files.len(), 5);
    for bad in ["../model.safetensors", "/etc/passwd", "model.bin", ".safetensors"] {
        std::fs::write(&index_file, json!({ "weight_map": { "a": bad } }).to_string()).unwrap();
        let error = import_folder(dir.path(), &dir.path().join("out")).unwrap_err();
        assert!(matches!(error, Error::Checkpoint(_)), "{bad}: {error}");
    }
}

#[test]
fn older_files_name_rotary_positions_and_norms_otherwise() {
    let dir = copy("llama");
    edit(&dir.path().join("config.json"), |config| {
        let fields = config.as_object_mut().unwrap();
        fields.remove("rope_parameters");
        fields.insert("rope_theta".into(), json!(500_000.0));
        fields.insert("rope_scaling".into(), json!({ "type": "linear", "factor": 2.0 }));
    });
    let network = import_folder(dir.path(), &dir.path().join("out"))
        .unwrap()
        .manifest
        .network;
    let rotary = network.rotary.unwrap();
    assert_eq!(rotary.theta, 500_000.0);
    assert_eq!(rotary.scaling, crate::import::Scaling::Linear { factor: 2.0 });
    let dir = copy("bert-encoder");
    let weights = dir.path().join("model.safetensors");
    let text = String::from_utf8_lossy(&std::fs::read(&weights).unwrap()).contains("LayerNorm.weight");
    assert!(text);
    rewrite(&weights, |header, _| {
        let renamed = header.as_object().unwrap().iter().map(|(name, entry)| {
            let name = name.replace("LayerNorm.weight", "LayerNorm.gamma");
            (name.replace("LayerNorm.bias", "LayerNorm.beta"), entry.clone())
        });
        *header = Value::Object(renamed.collect());
    });
    let old = import_folder(dir.path(), &dir.path().join("out"))
        .unwrap()
        .manifest;
    assert_eq!(
        old.files[WEIGHTS_FILE],
        load("bert-encoder").1.manifest().files[WEIGHTS_FILE]
    );
}

#[test]
fn the_manifest_says_what_was_imported() {
    let (_dir, client, _) = load("bert-classifier");
    let manifest = client.manifest();
    let labels = ["calm", "angry", "glad"].map(String::from).to_vec();
    assert_eq!(manifest.network.output, Output::Classifier { labels });
    let sizes = |name: &str| {
        let linear = &manifest.linears[manifest.layer(name).unwrap()];
        (linear.rows, linear.columns, linear.bias)
    };
    assert_eq!(sizes("layers.1.attention.in"), (48, 16, true));
    assert_eq!(sizes("layers.0.features.out"), (16, 32, true));
    assert_eq!(sizes("classifier"), (3, 16, true));
    assert_eq!((manifest.template, manifest.linears.len()), (0, 10));
    assert_eq!(manifest.weight_bytes(), 2 * (4 * 256 + 2 * 512) + 256 + 48);
    let files: Vec<_> = manifest.source.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["config.json", "model.safetensors", "tokenizer.json"]);
    let (_dir, llama, _) = load("llama");
    let linear = &llama.manifest().linears[0];
    assert_eq!(
        (linear.rows, linear.columns, linear.bias),
        (16 + 2 * 8, 16, false),
        "grouped queries"
    );
    assert_eq!(llama.manifest().network.output, Output::Generator { tied: false });
}

#[test]
fn a_layers_hash_binds_its_weights_and_scales() {
    let (_dir, client, weights) = load("gpt2");
    for (at, linear) in client.manifest().linears.iter().enumerate() {
        let steps: Vec<u8> = weights.layer(at).unwrap().iter().map(|x| *x as u8).collect();
        let scales: Vec<u8> = client.scales(at).iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(crate::import::convert::layer_hash(&steps, &scales), linear.sha256);
        assert!(steps.iter().all(|step| *step as i8 != i8::MIN));
    }
}

#[test]
fn models_whose_files_were_changed_are_refused() {
    for (file, miner) in [
        (WEIGHTS_FILE, true),
        (CLIENT_FILE, false),
        (TOKENIZER_FILE, false),
    ] {
        let (dir, client, _) = load("gpt2");
        let path = dir.path().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = match miner {
            true => Weights::load(dir.path()).unwrap_err(),
            false => ClientPart::load(dir.path()).unwrap_err(),
        };
        assert!(matches!(error, Error::HashMismatch { file: named } if named == file));
        drop(client);
    }
}

#[test]
fn manifests_that_do_not_hold_together_are_refused() {
    let (dir, client, _) = load("gpt2");
    let good = client.manifest().to_json().unwrap();
    assert_eq!(
        load_manifest(dir.path()).unwrap().1,
        client.manifest().hash().unwrap()
    );
    let changes: [&dyn Fn(&mut Value); 10] = [
        &|m| m["version"] = json!(1),
        &|m| m["template"] = json!(3),
        &|m| m["mode"] = json!("full"),
        &|m| m["name"] = json!("../gpt2"),
        &|m| m["linears"][3]["rows"] = json!(15),
        &|m| m["linears"][0]["name"] = json!("layers.0.attention.out"),
        &|m| m["linears"][0]["sha256"] = json!("xyz"),
        &|m| m["network"]["layers"] = json!(3),
        &|m| m["files"] = json!({}),
        &|m| m["more"] = json!(1),
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut json: Value = serde_json::from_slice(&good).unwrap();
        change(&mut json);
        let error = SplitManifest::from_json(json.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Manifest(_)), "{at}: {error}");
    }
    let long = vec![b' '; 70_000];
    assert!(matches!(SplitManifest::from_json(&long), Err(Error::Size { .. })));
    std::fs::remove_file(dir.path().join(MANIFEST_FILE)).unwrap();
    assert!(matches!(ClientPart::load(dir.path()), Err(Error::Io { .. })));
}

#[test]
fn an_interrupted_conversion_leaves_no_model() {
    let (dir, client, weights) = load("gpt2");
    let ids = expected("gpt2").ids;
    client.run(&mut Dynamic::new(&client, &weights), &ids).unwrap();
    let broken = copy("gpt2");
    rewrite(&broken.path().join("model.safetensors"), |_, data| {
        data[..4].copy_from_slice(&f32::NAN.to_le_bytes())
    });
    assert!(import_folder(broken.path(), dir.path()).is_err());
    assert!(
        !dir.path().join(MANIFEST_FILE).exists(),
        "half of another model is none"
    );
}
