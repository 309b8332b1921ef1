//! Small dense products and elementwise functions that the compiler turns into vector instructions. Products pick
//! the machine's instruction set themselves; the rest is inlined into a [`vectorised`] call, which does.

/// Runs `work` with the widest instruction set that this machine has. The closure must be marked
/// `#[inline(always)]`: what is not inlined is compiled for the oldest machine.
#[inline(always)]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// `e^x` within 2 units in the last place; arguments beyond ±87 count as ±87.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the nearest integer in the lowest bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HI: f32 = 0.693_359_375;
    const LN2_LO: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LO, n.mul_add(-LN2_HI, x));
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_6e-1);
    let p = p.mul_add(r, 5e-1);
    let fraction = p.mul_add(r * r, r) + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    fraction * f32::from_bits(exponent << 23)
}

/// Logistic function.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0f32.mul_add(sigmoid(2.0 * x), -1.0)
}

/// Exponential linear unit.
#[inline(always)]
pub fn elu(x: f32) -> f32 {
    let negative = exp(x.min(0.0)) - 1.0;
    if x > 0.0 {
        x
    } else {
        negative
    }
}

/// Rows, columns and inner length of a product.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Rows of the result.
    pub rows: usize,
    /// Terms summed.
    pub inner: usize,
    /// Columns of the result.
    pub columns: usize,
}

impl Extent {
    /// From its three lengths.
    #[inline(always)]
    pub const fn new(rows: usize, inner: usize, columns: usize) -> Self {
        Self { rows, inner, columns }
    }
}

/// A matrix in row-major order whose rows are `stride` apart.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Values from the first row's first.
    pub data: &'a [f32],
    /// Distance between rows.
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// From the values and the distance between rows.
    #[inline(always)]
    pub const fn new(data: &'a [f32], stride: usize) -> Self {
        Self { data, stride }
    }
}

/// `c = a b`, for results whose rows follow each other.
pub fn fresh_product(extent: Extent, a: Rows, b: Rows, c: &mut [f32]) {
    c[..extent.rows * extent.columns].fill(0.0);
    product(extent, a, b, c, extent.columns);
}

/// `c += a b`, where `a` is rows x inner, `b` inner x columns.
#[inline(never)]
pub fn product(extent: Extent, a: Rows, b: Rows, c: &mut [f32], stride: usize) {
    vectorised(
        #[inline(always)]
        || {
            let mut row = 0;
            while row + 4 <= extent.rows {
                strip::<4>(extent, row, a, b, &mut c[row * stride..], stride);
                row += 4;
            }
            while row < extent.rows {
                strip::<1>(extent, row, a, b, &mut c[row * stride..], stride);
                row += 1;
            }
        },
    );
}

#[inline(always)]
fn strip<const R: usize>(extent: Extent, row: usize, a: Rows, b: Rows, c: &mut [f32], stride: usize) {
    let mut at = 0;
    while at + 16 <= extent.columns {
        tile::<R, 16>(extent, row, a, b, &mut c[at..], stride, at);
        at += 16;
    }
    while at + 4 <= extent.columns {
        tile::<R, 4>(extent, row, a, b, &mut c[at..], stride, at);
        at += 4;
    }
    while at < extent.columns {
        tile::<R, 1>(extent, row, a, b, &mut c[at..], stride, at);
        at += 1;
    }
}

#[inline(always)]
fn tile<const R: usize, const N: usize>(
    extent: Extent,
    row: usize,
    a: Rows,
    b: Rows,
    c: &mut [f32],
    stride: usize,
    at: usize,
) {
    let mut sums = [[0f32; N]; R];
    let left: [&[f32]; R] = std::array::from_fn(|r| &a.data[(row + r) * a.stride..][..extent.inner]);
    for (step, right) in b.data[at..].chunks(b.stride).take(extent.inner).enumerate() {
        let right = &right[..N];
        for r in 0..R {
            let x = left[r][step];
            for j in 0..N {
                sums[r][j] = x.mul_add(right[j], sums[r][j]);
            }
        }
    }
    add(&sums, c, stride);
}

/// `c += aᵀ b`, where `a` is inner x rows, `b` inner x columns.
#[inline(never)]
pub fn transposed_product(extent: Extent, a: Rows, b: Rows, c: &mut [f32], stride: usize) {
    vectorised(
        #[inline(always)]
        || {
            let mut row = 0;
            while row + 4 <= extent.rows {
                transposed_strip::<4>(extent, row, a, b, &mut c[row * stride..], stride);
                row += 4;
            }
            while row < extent.rows {
                transposed_strip::<1>(extent, row, a, b, &mut c[row * stride..], stride);
                row += 1;
            }
        },
    );
}

#[inline(always)]
fn transposed_strip<const R: usize>(
    extent: Extent,
    row: usize,
    a: Rows,
    b: Rows,
    c: &mut [f32],
    stride: usize,
) {
    let mut at = 0;
    while at + 16 <= extent.columns {
        transposed_tile::<R, 16>(extent, row, a, b, &mut c[at..], stride, at);
        at += 16;
    }
    while at + 4 <= extent.columns {
        transposed_tile::<R, 4>(extent, row, a, b, &mut c[at..], stride, at);
        at += 4;
    }
    while at < extent.columns {
        transposed_tile::<R, 1>(extent, row, a, b, &mut c[at..], stride, at);
        at += 1;
    }
}

#[inline(always)]
fn transposed_tile<const R: usize, const N: usize>(
    extent: Extent,
    row: usize,
    a: Rows,
    b: Rows,
    c: &mut [f32],
    stride: usize,
    at: usize,
) {
    let mut sums = [[0f32; N]; R];
    let pairs = a.data[row..].chunks(a.stride).zip(b.data[at..].chunks(b.stride));
    for (left, right) in pairs.take(extent.inner) {
        let (left, right) = (&left[..R], &right[..N]);
        for r in 0..R {
            for j in 0..N {
                sums[r][j] = left[r].mul_add(right[j], sums[r][j]);
            }
        }
    }
    add(&sums, c, stride);
}

#[inline(always)]
fn add<const R: usize, const N: usize>(sums: &[[f32; N]; R], c: &mut [f32], stride: usize) {
    for (r, sums) in sums.iter().enumerate() {
        for (out, sum) in c[r * stride..][..N].iter_mut().zip(sums) {
            *out += sum;
        }
    }
}

/// Rows x columns to columns x rows.
pub fn transpose(data: &[f32], columns: usize) -> Vec<f32> {
    let mut turned = Vec::with_capacity(data.len());
    for column in 0..columns {
        turned.extend(data[column..].iter().step_by(columns));
    }
    turned
}

/// Adds every row of `rows` to `sum`.
#[inline(always)]
pub fn add_rows(sum: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += x;
        }
    }
}

/// Writes `row` into every row of `rows`.
#[inline(always)]
pub fn fill_rows(rows: &mut [f32], row: &[f32]) {
    for out in rows.chunks_exact_mut(row.len()) {
        out.copy_from_slice(row);
    }
}

/// Partial sums of a reduction: as many as a vector register holds.
const LANES: usize = 8;

/// Sum of products, in [`LANES`] partial sums.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut rest = 0.0;
    for (x, y) in left.remainder().iter().zip(right.remainder()) {
        rest = x.mul_add(*y, rest);
    }
    for (x, y) in left.zip(right) {
        for j in 0..LANES {
            sums[j] = x[j].mul_add(y[j], sums[j]);
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Sum, in [`LANES`] partial sums.
#[inline(always)]
pub fn sum(a: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let chunks = a.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for x in chunks {
        for j in 0..LANES {
            sums[j] += x[j];
        }
    }
    sums.iter().sum::<f32>() + rest
}
