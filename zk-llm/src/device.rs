//! Where a miner computes.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Processor cores, or a CUDA device in programs built with the feature `cuda`.
///
/// A device takes bootstraps in floating point and products of split mode. Hints and traced evaluations stay with the
/// cores. Products are integers and equal on both; what a device's memory does not hold beside its work stays with the
/// cores too.
#[derive(Clone, Debug)]
pub struct Device(candle_core::Device);

impl Device {
    /// Processor cores.
    pub const fn cores() -> Self {
        Self(candle_core::Device::Cpu)
    }

    /// The first CUDA device; `CUDA_VISIBLE_DEVICES` says which that is. It is tried out by some bootstraps, which takes
    /// a few seconds.
    ///
    /// # Errors
    /// [`Error::Device`] if the program was built without CUDA, or no device answers, or it answers wrongly.
    pub fn cuda() -> Result<Self> {
        if !cfg!(feature = "cuda") {
            return Err(Error::Device(
                "this program was built without CUDA; build it with --features cuda, or use the processor's cores".into(),
            ));
        }
        let device = candle_core::Device::new_cuda(0).map_err(|error| {
            // Below its first line is where it arose.
            let error = error.to_string();
            let cause = error.lines().next().unwrap_or_default();
            Error::Device(format!(
                "no CUDA device answers ({cause}); see what nvidia-smi says"
            ))
        })?;
        let device = Self(device);
        #[cfg(feature = "cuda")]
        trial(&device)?;
        Ok(device)
    }

    /// A CUDA device if there is one, else the cores.
    pub fn best() -> Self {
        Self::cuda().unwrap_or(Self::cores())
    }

    fn candle(&self) -> Option<&candle_core::Device> {
        (!self.0.is_cpu()).then_some(&self.0)
    }

    /// The device, if its memory takes so many bytes.
    pub(crate) fn taking(&self, bytes: u64) -> Option<&candle_core::Device> {
        self.candle().filter(|_| self.fits(bytes))
    }

    /// Whether so many bytes fit its memory and leave what work takes.
    #[cfg(feature = "cuda")]
    fn fits(&self, bytes: u64) -> bool {
        use tfhe::core_crypto::gpu::{check_valid_cuda_malloc, vec::GpuIndex};
        /// Matrices in double precision, and a batch of bootstraps.
        const WORK: u64 = 2 << 30;
        check_valid_cuda_malloc(bytes.saturating_add(WORK), GpuIndex::new(0))
    }

    /// Without the feature there is no device's memory.
    #[cfg(not(feature = "cuda"))]
    fn fits(&self, _bytes: u64) -> bool {
        false
    }
}

/// Evaluates tables of every value on a device, and compares them with the clear ones.
///
/// # Errors
/// [`Error::Device`] if they differ; whatever keys and ciphertexts meet.
#[cfg(any(feature = "cuda", test))]
pub(crate) fn trial(device: &Device) -> Result<()> {
    use crate::exec_clear::run_graph;
    use crate::exec_tfhe::{evaluate_circuit, Evaluation};
    use crate::ir::{GraphBuilder, Lut, Row};
    use crate::keys::{ClientKey, ServerKey};
    use crate::params::ParameterSet;
    const VALUES: std::ops::RangeInclusive<i32> = -8..=7;
    let set = ParameterSet::default();
    let mut graph = GraphBuilder::new(VALUES.count() as u32, -8, 7);
    let square = graph.lut(Lut::new(VALUES, |x| x * x % 5));
    let sign = graph.lut(Lut::new(VALUES, |x| i32::from(x >= 0)));
    let rows: Vec<(Row, u32)> = graph
        .inputs()
        .flat_map(|wire| [square, sign].map(|lut| (Row::new(0, [(wire, 1)]), lut)))
        .collect();
    let outputs = graph.tables_layer("trial", None, rows);
    let graph = graph.finish(outputs)?;
    let circuit = graph.compile(&set)?;
    let values: Vec<i32> = VALUES.collect();
    let client = ClientKey::generate(&set)?;
    let server = ServerKey::on(&client.evaluation_key_bytes()?, &set, device)?;
    let input = client.encrypt_values(circuit.interface(), &values)?;
    let output = evaluate_circuit(&circuit, &server, &input, &Evaluation::default())?;
    match client.decrypt_values(circuit.interface(), &output)? == run_graph(&graph, &values)? {
        true => Ok(()),
        false => Err(Error::Device(
            "its bootstraps decrypt to other values; use the processor's cores".into(),
        )),
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.candle() {
            None => "cpu",
            Some(_) => "cuda",
        })
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::best()),
            "cpu" => Ok(Self::cores()),
            "cuda" => Self::cuda(),
            _ => Err(Error::Device(format!(
                "there is no device {name:?}; name auto, cpu or cuda"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_and_unknown_ones_refused() {
        assert_eq!("cpu".parse::<Device>().unwrap().to_string(), "cpu");
        assert!(["cpu", "cuda"].contains(&"auto".parse::<Device>().unwrap().to_string().as_str()));
        let refused = |name: &str| name.parse::<Device>().unwrap_err().to_string();
        assert!(refused("tpu").contains("auto, cpu or cuda"));
        if !cfg!(feature = "cuda") {
            assert!(refused("cuda").contains("--features cuda"));
        }
    }
}
