//! Tails and quantiles.

use promptassay_stats::distributions::{beta, binomial, chi_square, normal, student_t};

use super::parity;

#[test]
fn tails_and_quantiles_agree_with_quadrature_and_scipy() {
    let methods = [
        "norm_cdf",
        "norm_sf",
        "norm_ppf",
        "t_cdf",
        "t_sf",
        "t_ppf",
        "chi2_cdf",
        "chi2_sf",
        "chi2_ppf",
        "beta_cdf",
        "beta_sf",
        "beta_ppf",
        "binom_cdf",
        "binom_sf",
    ];
    parity(&methods, |row| {
        let n = |input| row.number(input);
        let value = match row.method.as_str() {
            "norm_cdf" => normal::cdf(n("x")),
            "norm_sf" => normal::sf(n("x")),
            "norm_ppf" => normal::quantile(n("p")),
            "t_cdf" => student_t::cdf(n("x"), n("df")),
            "t_sf" => student_t::sf(n("x"), n("df")),
            "t_ppf" => student_t::quantile(n("p"), n("df")),
            "chi2_cdf" => chi_square::cdf(n("x"), n("df")),
            "chi2_sf" => chi_square::sf(n("x"), n("df")),
            "chi2_ppf" => chi_square::quantile(n("p"), n("df")),
            "beta_cdf" => beta::cdf(n("x"), n("a"), n("b")),
            "beta_sf" => beta::sf(n("x"), n("a"), n("b")),
            "beta_ppf" => beta::quantile(n("p"), n("a"), n("b")),
            "binom_cdf" => binomial::cdf(row.count("k"), row.count("n"), n("p")),
            _ => binomial::sf(row.count("k"), row.count("n"), n("p")),
        };
        row.check("value", value.map_err(|reason| format!("{}: {reason}", row.name))?)
    });
}
