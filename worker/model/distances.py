"""How far apart two tokens are, as a number of a table of a model's weights."""

import math

import torch

from worker.model.encoder_shape import Buckets


def bias_numbers(distances: torch.Tensor, buckets: Buckets) -> torch.Tensor:
    """Where MPNet's table has the numbers of these distances (from query to key), `[distances]`.

    Half of the buckets hold a distance each; the others, up to the furthest, ever more of them.
    """
    half, furthest = buckets.each_way // 2, buckets.furthest or 2 * buckets.each_way
    apart = distances.abs()
    grown = half + (torch.log(apart.float() / half) / math.log(furthest / half) * half).long()
    return torch.where(apart < half, apart, grown.clamp(max=buckets.each_way - 1)) + buckets.each_way * (distances > 0)


def bucket_numbers(distances: torch.Tensor, buckets: Buckets) -> torch.Tensor:
    """Where DeBERTa's table has these distances (from key to query), `[distances]`."""
    half, numbers = buckets.each_way // 2, distances
    if buckets.furthest:
        apart = distances.abs()
        grown = torch.ceil(
            torch.log(apart / half) / torch.log(torch.tensor((buckets.furthest - 1) / half)) * (half - 1)
        )
        numbers = torch.where(apart <= half, distances, (grown + half) * distances.sign()).long()
    return (numbers + buckets.each_way).clamp(0, 2 * buckets.each_way - 1)


def nearest(of_distances: torch.Tensor, tokens: int) -> torch.Tensor:
    """Of what there is for each distance those that a row has: `[…, 2 * tokens - 1]`, 0 in the middle."""
    middle = of_distances.shape[-1] // 2
    return of_distances[..., middle - tokens + 1 : middle + tokens]
