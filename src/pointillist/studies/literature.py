"""Works that the technical report cites."""

from __future__ import annotations

from pointillist.report.document import Reference

REFERENCES = (
    Reference(
        "ronneberger2015",
        "O. Ronneberger, P. Fischer, T. Brox (2015). U-Net: convolutional networks for biomedical "
        "image segmentation. MICCAI.",
    ),
    Reference(
        "he2016",
        "K. He, X. Zhang, S. Ren, J. Sun (2016). Deep residual learning for image recognition. "
        "CVPR.",
    ),
    Reference(
        "tang2018",
        "M. Tang, A. Djelouah, F. Perazzi, Y. Boykov, C. Schroers (2018). Normalized cut loss for "
        "weakly-supervised CNN segmentation. CVPR.",
    ),
    Reference(
        "breiman2001",
        "L. Breiman (2001). Random forests. Machine Learning 45, 5–32.",
    ),
    Reference(
        "saerens2002",
        "M. Saerens, P. Latinne, C. Decaestecker (2002). Adjusting the outputs of a classifier to "
        "new a priori probabilities: a simple procedure. Neural Computation 14, 21–41.",
    ),
    Reference(
        "olofsson2014",
        "P. Olofsson et al. (2014). Good practices for estimating area and assessing accuracy of "
        "land change. Remote Sensing of Environment 148, 42–57.",
    ),
    Reference(
        "lakshminarayanan2017",
        "B. Lakshminarayanan, A. Pritzel, C. Blundell (2017). Simple and scalable predictive "
        "uncertainty estimation using deep ensembles. NeurIPS.",
    ),
    Reference(
        "loshchilov2019",
        "I. Loshchilov, F. Hutter (2019). Decoupled weight decay regularization. ICLR.",
    ),
    Reference(
        "bearman2016",
        "A. Bearman, O. Russakovsky, V. Ferrari, L. Fei-Fei (2016). What's the point: semantic "
        "segmentation with point supervision. ECCV.",
    ),
    Reference(
        "hestness2017",
        "J. Hestness et al. (2017). Deep learning scaling is predictable, empirically. "
        "arXiv:1712.00409.",
    ),
    Reference(
        "holm1979",
        "S. Holm (1979). A simple sequentially rejective multiple test procedure. Scandinavian "
        "Journal of Statistics 6, 65–70.",
    ),
)
